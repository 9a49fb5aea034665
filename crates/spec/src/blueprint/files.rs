//! Overlay files across the layers.

mod merge;

use std::collections::BTreeMap;

use super::build::origin;
use super::{Content, File};
use crate::layers::Block;
use crate::model::{FileFormat, MergeStrategy};
use crate::origin::{SetField, Sourced};
use crate::report::{Finding, Report, quote};
use crate::rules::{decode_base64, parse_mode};
use crate::value::{Node, join};

/// Collects the files of all layers by path; same-path entries of higher layers replace or extend lower ones.
pub(super) fn collect(blocks: &[Block], report: &mut Report<'_>) -> Vec<Sourced<File>> {
    let mut files: BTreeMap<String, Sourced<File>> = BTreeMap::new();
    for block in blocks {
        let list_strategy = block.strategies.get("files");
        if list_strategy == Some(MergeStrategy::Replace) {
            files.clear();
        }
        let nodes =
            block.entries.iter().filter(|entry| entry.key == "files").flat_map(|entry| entry.node.items());
        for (index, node) in nodes.enumerate() {
            let pointer = format!("{}/files/{index}", block.pointer);
            if let Some(draft) = read(node, &pointer, report) {
                add(&mut files, draft, node, list_strategy, &pointer, report);
            }
        }
    }
    files.into_values().collect()
}

/// The fields that were set, under the path of the file.
pub(super) fn set(files: &[Sourced<File>], set: &mut Vec<SetField>) {
    set.extend(
        files
            .iter()
            .map(|file| SetField { pointer: join("/files", &file.value.path), origin: file.origin.clone() }),
    );
}

/// One entry as written: attributes that were not given stay open for the lower layer.
struct Draft {
    path: String,
    owner: Option<String>,
    group: Option<String>,
    mode: Option<u32>,
    content: Content,
    strategy: Option<MergeStrategy>,
    format: Option<FileFormat>,
}

fn read(node: &Node, pointer: &str, report: &mut Report<'_>) -> Option<Draft> {
    let text = |key: &str| node.get(key).and_then(Node::text);
    let contents: Vec<&str> =
        ["text", "base64", "source"].into_iter().filter(|key| node.get(key).is_some()).collect();
    if contents.len() != 1 {
        let message = match contents.as_slice() {
            [] => "the file has no content".to_owned(),
            many => format!("the file has {} contents", many.len()),
        };
        let finding = Finding::error("missing", node.span, pointer, message);
        report.add(finding.hint("give exactly one of `text`, `base64` and `source`"));
        return None;
    }
    let content = match contents[0] {
        "text" => Content::Bytes(text("text")?.as_bytes().to_vec()),
        "base64" => Content::Bytes(decode_base64(text("base64")?).ok()?),
        _ => Content::Source(text("source")?.to_owned()),
    };
    Some(Draft {
        path: text("path")?.to_owned(),
        owner: text("owner").map(str::to_owned),
        group: text("group").map(str::to_owned),
        mode: text("mode").and_then(|mode| parse_mode(mode).ok()),
        content,
        strategy: node.get("merge").and_then(|node| serde_json::from_value(node.to_json()).ok()),
        format: node.get("format").and_then(|node| serde_json::from_value(node.to_json()).ok()),
    })
}

fn add(
    files: &mut BTreeMap<String, Sourced<File>>,
    draft: Draft,
    node: &Node,
    list_strategy: Option<MergeStrategy>,
    pointer: &str,
    report: &mut Report<'_>,
) {
    let mut origin = origin(node, report);
    let Some(lower) = files.get_mut(&draft.path) else {
        let content = draft.content;
        let value = File {
            path: draft.path,
            owner: draft.owner.unwrap_or_else(|| "root".to_owned()),
            group: draft.group.unwrap_or_else(|| "root".to_owned()),
            mode: draft.mode.unwrap_or(0o644),
            content,
        };
        files.insert(value.path.clone(), Sourced { value, origin });
        return;
    };
    origin.overrode = std::mem::take(&mut lower.origin.overrode);
    origin.overrode.push(crate::origin::Written {
        layer: lower.origin.layer,
        file: lower.origin.file.clone(),
        line: lower.origin.line,
        column: lower.origin.column,
    });
    lower.origin = origin;
    let deep_list = list_strategy.filter(|strategy| *strategy == MergeStrategy::Deep);
    let strategy = draft.strategy.or(deep_list).unwrap_or(MergeStrategy::Replace);
    match combine(&lower.value, &draft, strategy) {
        Ok(content) => lower.value.content = content,
        Err(reason) => {
            let message =
                format!("{} cannot be merged with the same file of a lower layer", quote(&draft.path));
            let hint = "use `merge: replace`, or give both contents as `text` in the same format";
            report.add(Finding::error("merge", node.span, pointer, message).reason(reason).hint(hint));
        }
    }
    let file = &mut lower.value;
    file.owner = draft.owner.unwrap_or_else(|| std::mem::take(&mut file.owner));
    file.group = draft.group.unwrap_or_else(|| std::mem::take(&mut file.group));
    file.mode = draft.mode.unwrap_or(file.mode);
}

fn combine(lower: &File, draft: &Draft, strategy: MergeStrategy) -> Result<Content, String> {
    if strategy == MergeStrategy::Replace {
        return Ok(draft.content.clone());
    }
    let (Content::Bytes(below), Content::Bytes(above)) = (&lower.content, &draft.content) else {
        return Err("the content of a `source` is not known while the spec is read".to_owned());
    };
    if strategy == MergeStrategy::Append {
        let mut bytes = below.clone();
        if bytes.last().is_some_and(|&byte| byte != b'\n') {
            bytes.push(b'\n');
        }
        bytes.extend_from_slice(above);
        return Ok(Content::Bytes(bytes));
    }
    let format = draft.format.or_else(|| guess(&draft.path));
    let format = format.ok_or("the extension does not tell the format; give `format`")?;
    let text = |bytes| std::str::from_utf8(bytes).map_err(|_| "the content is not text".to_owned());
    merge::deep(format, text(below)?, text(above)?).map(|text| Content::Bytes(text.into_bytes()))
}

fn guess(path: &str) -> Option<FileFormat> {
    match path.rsplit('/').next()?.rsplit_once('.')?.1 {
        "json" => Some(FileFormat::Json),
        "yaml" | "yml" => Some(FileFormat::Yaml),
        "toml" => Some(FileFormat::Toml),
        "ini" | "cfg" | "conf" | "desktop" | "network" | "service" | "timer" | "socket" => {
            Some(FileFormat::Ini)
        }
        "env" | "properties" => Some(FileFormat::KeyValue),
        _ => None,
    }
}
