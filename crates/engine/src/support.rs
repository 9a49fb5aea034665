//! What of a spec the engine acts on: a field that nothing acts on yet is refused, never ignored.

use lbuild_spec::Blueprint;
use lbuild_spec::model::{Architecture, Base, Init, Output};

use crate::error::ResolveError;

/// Fields that the Debian builder acts on; what lies below one is included.
const DEBIAN: [&str; 34] = [
    "/base",
    "/release",
    "/architecture",
    "/outputs",
    "/hostname",
    "/locale",
    "/timezone",
    "/keyboard",
    "/users",
    "/network",
    "/kernel/flavor",
    "/kernel/parameters",
    "/kernel/modules",
    "/init",
    "/filesystem/compression",
    "/packages",
    "/remove",
    "/securityFeatures/ssh",
    "/services/enable",
    "/services/disable",
    "/postInstall/scripts",
    "/postInstall/services",
    "/postInstall/systemTuning",
    "/defaults/kernelParams",
    "/defaults/swappiness",
    "/files",
    "/mirrors",
    "/repositories/components",
    "/repositories/suites",
    "/repositories/pins",
    "/repositories/sources",
    "/repositories/recommends",
    "/repositories/priority",
    "/layers",
];

/// The base that is built.
const BUILT: Base = Base::Debian;

/// The output that is not.
const UNBUILT: Output = Output::Disk;

/// Why this machine does not build an output of a base, where it does not.
pub(crate) fn unbuilt(base: Base, architecture: Architecture, output: Output) -> Option<String> {
    let (here, wanted) = (std::env::consts::ARCH, architecture.key());
    if base != BUILT {
        Some(ResolveError::Base { base: base.key().to_owned() }.to_string())
    } else if output == UNBUILT {
        Some("disk images cannot be built yet".to_owned())
    } else if wanted != here {
        Some(format!("packages of `{wanted}` cannot be configured on this machine, which is `{here}`"))
    } else if output == Output::Iso && architecture != Architecture::X86_64 {
        Some("bootable images are built for `x86_64` only".to_owned())
    } else {
        None
    }
}

/// Refuses a blueprint that asks for what is not built yet.
pub(crate) fn check(blueprint: &Blueprint) -> Result<(), ResolveError> {
    if blueprint.base != BUILT {
        return Err(ResolveError::Base { base: blueprint.base.key().to_owned() });
    }
    let supported = |pointer: &str| {
        DEBIAN.iter().any(|known| {
            pointer.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    };
    let top = |pointer: &str| matches!(pointer, "" | "/name" | "/spec");
    let refused: Vec<_> =
        blueprint.set.iter().filter(|field| !top(&field.pointer) && !supported(&field.pointer)).collect();
    if let Some(first) = refused.first() {
        return Err(ResolveError::Unsupported {
            pointer: first.pointer.clone(),
            file: first.origin.file.clone(),
            line: first.origin.line,
            all: refused.iter().map(|field| field.pointer.clone()).collect(),
        });
    }
    values(blueprint)
}

/// Values of supported fields that are not built yet.
fn values(blueprint: &Blueprint) -> Result<(), ResolveError> {
    let refuse = |pointer: &str| {
        let origin =
            blueprint.set.iter().find(|field| field.pointer.starts_with(pointer)).map(|field| &field.origin);
        Err(ResolveError::Unsupported {
            pointer: pointer.to_owned(),
            file: origin.map(|origin| origin.file.clone()).unwrap_or_default(),
            line: origin.map_or(0, |origin| origin.line),
            all: vec![pointer.to_owned()],
        })
    };
    if blueprint.outputs.contains(&UNBUILT) {
        return refuse("/outputs");
    }
    if blueprint.init != Init::Systemd {
        return refuse("/init");
    }
    Ok(())
}
