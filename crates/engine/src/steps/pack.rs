//! Images from the finished tree: squashfs, root filesystem, OCI image, ISO.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use lbuild_image::blob::Compressed;
use lbuild_image::exclude::Excludes;
use lbuild_image::iso::{self, CORE_IMAGE, ESP_IMAGE, IsoOptions, IsoPlaces, LiveSystem, volume_id};
use lbuild_image::oci::{self, OciOptions};
use lbuild_image::squashfs::{self, Compression, SquashfsOptions};
use lbuild_sandbox::{Mount, Owner, Root, Spec, Task};
use lbuild_spec::blueprint::Algorithm;
use lbuild_store::{BlobRef, BlobWriter, Output, OutputRef, Scratch, StoreError};

use super::Bench;
use super::initramfs::generated;
use super::talk::Single;
use super::tasks::{agent, tool_task};
use crate::agent::{IsoInput, TarballInput, TarballReport, name};
use crate::error::BuildError;
use crate::plan::Step;
use crate::run::Made;

/// Name of the one output of each packing step.
pub(crate) const IMAGE: &str = "image";

/// Where the job sees its scratch directory.
const WORK: &str = "/work";

/// Where the job sees the finished system.
const TARGET: &str = "/target";

/// zstd level of the root filesystem: quick, and within a few percent of the default level's size.
const ROOTFS_LEVEL: i32 = 3;

/// Memory for the caches of `mksquashfs`.
const SQUASHFS_MIB: u32 = 512;

/// Compresses the live file system. The initramfs stays out: it lies on the medium, beside the file system.
pub(super) fn squashfs(bench: &Bench<'_>) -> Result<Made, BuildError> {
    let excludes = Excludes::runtime();
    let options = SquashfsOptions {
        epoch: epoch(bench),
        compression: compression(bench),
        block_size: 128 << 10,
        processors: u32::try_from(Bench::threads()).unwrap_or(1),
        memory_mib: SQUASHFS_MIB,
        excludes,
    };
    let output = format!("{WORK}/filesystem.squashfs");
    let mut command = squashfs::command(TARGET, &output, &options);
    // The tree has its final times already, so nothing is to be clamped; only the image's own time is given.
    command.env.remove("SOURCE_DATE_EPOCH");
    command.argv.splice(3..3, ["-mkfs-time".to_owned(), options.epoch.to_string()]);
    let work = Workplace::new(bench)?;
    let spec = work.spec(bench, tool_task(&command), Some(bench.layers_below(Step::BootFiles)?))?;
    bench.jobs().run(spec)?;
    work.adopt(bench, "filesystem.squashfs")
}

fn compression(bench: &Bench<'_>) -> Compression {
    let asked = bench.workshop.settings.compression;
    let level = asked.level.and_then(|level| u8::try_from(level).ok());
    match asked.algorithm {
        Algorithm::Xz => Compression::Xz { x86: true },
        _ => Compression::Zstd { level: level.unwrap_or(3) },
    }
}

/// Packs the root filesystem as a compressed tar.
pub(super) fn rootfs(bench: &Bench<'_>) -> Result<Made, BuildError> {
    let work = Workplace::new(bench)?;
    let path = work.file("rootfs.tar.zst");
    let out = File::create_new(&path).map_err(|error| bench.jobs().sandbox(error))?;
    let input = TarballInput {
        tree: TARGET.to_owned(),
        level: ROOTFS_LEVEL,
        threads: u32::try_from(Bench::threads()).unwrap_or(1),
    };
    // Not as the root of the job: what is mounted there would hide the directories below it.
    let root = Root::Directory { tree: work.work() };
    let mut spec = Spec::new(root, agent(name::TARBALL, &input));
    spec.mounts.push(Mount::Tree { lowers: bench.layers()?, target: PathBuf::from(TARGET) });
    spec.fds.push(out.into());
    let report: TarballReport = Single::run(bench, spec)?;
    let blob = bench.adopt(&path)?;
    Ok(made(blob, serde_json::json!({ "compressed": report.compressed, "plain": report.plain })))
}

/// Wraps the root filesystem into an OCI image.
pub(super) fn oci(bench: &Bench<'_>) -> Result<Made, BuildError> {
    let failed = |error: &dyn std::error::Error| bench.jobs().sandbox(io::Error::other(error.to_string()));
    let record =
        bench.done.get(Step::Rootfs).ok_or_else(|| failed(&io::Error::other("no root filesystem")))?;
    let report: TarballReport =
        serde_json::from_value(record.data.clone()).map_err(|error| failed(&error))?;
    let layer = Compressed { compressed: report.compressed, plain: report.plain };
    let blob = record.blob(IMAGE).ok_or_else(|| failed(&io::Error::other("no root filesystem")))?;
    let bytes = bench.store().blobs().open(blob.digest).map_err(BuildError::Store)?;
    let mut bytes = bench.cancel.reading(bytes);
    let blob = bench.store().blobs().writer().map_err(BuildError::Store)?;
    let mut sink = Sink { blob, failure: None };
    let mut buffered = BufWriter::with_capacity(1 << 20, &mut sink);
    let written = oci::write_layout(&oci_options(bench), &layer, &mut bytes, &mut buffered)
        .map_err(|error| failed(&error))
        .and_then(|_| buffered.flush().map_err(|error| failed(&error)));
    drop(buffered);
    if let Some(failure) = sink.failure {
        return Err(BuildError::Store(failure));
    }
    written?;
    let blob = sink.blob.finish(None).map_err(BuildError::Store)?;
    Ok(made(blob, serde_json::Value::Null))
}

/// What the OCI image says about itself.
pub(crate) fn oci_options(bench: &Bench<'_>) -> OciOptions {
    let lock = bench.workshop.lock;
    let labels = BTreeMap::from([
        ("org.opencontainers.image.title".to_owned(), lock.name.clone()),
        ("org.opencontainers.image.version".to_owned(), lock.release.clone()),
    ]);
    OciOptions {
        architecture: lock.architecture.clone(),
        epoch: epoch(bench),
        reference: format!("{}:{}", lock.name, lock.release),
        cmd: vec!["/bin/bash".to_owned()],
        env: vec!["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned()],
        labels,
        created_by: format!("lbuild {}", env!("CARGO_PKG_VERSION")),
    }
}

/// Makes what starts the kernel of a bootable image, as two files.
pub(super) fn boot_loaders(bench: &Bench<'_>) -> Result<Made, BuildError> {
    let steps = iso::boot_loaders(&bench.workshop.lock.seed().0, epoch(bench), WORK);
    let work = Workplace::new(bench)?;
    let task = agent(name::ISO, &IsoInput { work: WORK.to_owned(), steps });
    bench.jobs().run(work.spec(bench, task, None)?)?;
    let adopt = |name: &str| {
        let adopted = bench.adopt(&work.work().join(name));
        adopted.map(|blob| Output { name: name.to_owned(), reference: OutputRef::Blob(blob) })
    };
    Ok(Made { outputs: vec![adopt(CORE_IMAGE)?, adopt(ESP_IMAGE)?], ..Made::default() })
}

/// Writes the bootable image.
pub(super) fn iso(bench: &Bench<'_>) -> Result<Made, BuildError> {
    let kernel = generated(bench)?.kernel;
    let lock = bench.workshop.lock;
    let options = IsoOptions {
        volume_id: volume_id(&lock.name),
        disk_info: format!("{} {} {}", lock.name, lock.release, lock.architecture),
        epoch: epoch(bench),
        seed: lock.seed().0,
        live: LiveSystem {
            title: lock.name.clone(),
            parameters: bench.workshop.settings.parameters.clone(),
            timeout: 3,
        },
    };
    let places = IsoPlaces {
        work: format!("{WORK}/boot"),
        core_image: format!("/input/{CORE_IMAGE}"),
        esp: format!("/input/{ESP_IMAGE}"),
        kernel: format!("{TARGET}/boot/vmlinuz-{kernel}"),
        initrd: "/input/initrd.img".to_owned(),
        squashfs: "/input/filesystem.squashfs".to_owned(),
        output: format!("{WORK}/image.iso"),
    };
    let steps = iso::image(&options, &places).map_err(|error| bench.jobs().sandbox(error))?;
    let work = Workplace::new(bench)?;
    let task = agent(name::ISO, &IsoInput { work: places.work, steps });
    let mut spec = work.spec(bench, task, Some(bench.layers_below(Step::BootFiles)?))?;
    let inputs = [
        (Step::BootLoaders, CORE_IMAGE, places.core_image),
        (Step::BootLoaders, ESP_IMAGE, places.esp),
        (Step::Initramfs, IMAGE, places.initrd),
        (Step::Squashfs, IMAGE, places.squashfs),
    ];
    for (step, name, target) in inputs {
        spec.mounts.push(Mount::Bind {
            source: output(bench, step, name)?,
            target: PathBuf::from(target),
            writable: false,
            owner: Owner::Host,
        });
    }
    bench.jobs().run(spec)?;
    work.adopt(bench, "image.iso")
}

/// Where a file lies that another step made.
fn output(bench: &Bench<'_>, step: Step, name: &str) -> Result<PathBuf, BuildError> {
    let blob = bench.done.get(step).and_then(|record| record.blob(name));
    let missing = || io::Error::other(format!("no output `{name}` of {}", step.name()));
    let blob = blob.ok_or_else(|| bench.jobs().sandbox(missing()))?;
    Ok(bench.store().blobs().path(blob.digest))
}

fn epoch(bench: &Bench<'_>) -> u64 {
    u64::try_from(bench.workshop.lock.epoch).unwrap_or(0)
}

fn made(blob: BlobRef, data: serde_json::Value) -> Made {
    let output = Output { name: IMAGE.to_owned(), reference: OutputRef::Blob(blob) };
    Made { outputs: vec![output], data, size: Some(blob.size), ..Made::default() }
}

/// A scratch directory that a job of the tools tree writes its image to.
pub(super) struct Workplace {
    scratch: Scratch,
}

impl Workplace {
    pub(super) fn new(bench: &Bench<'_>) -> Result<Self, BuildError> {
        let scratch = bench.store().scratch().map_err(BuildError::Store)?;
        let place = Self { scratch };
        let launcher = bench.workshop.launcher;
        launcher.make_tree_dir(&place.work()).map_err(|error| bench.jobs().sandbox(error))?;
        Ok(place)
    }

    /// The directory that belongs to the job.
    pub(super) fn work(&self) -> PathBuf {
        self.file("work")
    }

    /// A name beside that directory, which the job does not see.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// A job that sees the tools as `/`, this directory at [`WORK`] and, if given, the layers of a system at [`TARGET`].
    fn spec(&self, bench: &Bench<'_>, task: Task, system: Option<Vec<PathBuf>>) -> Result<Spec, BuildError> {
        let tools = bench.tree_of(Step::Tools)?.into_iter().collect();
        let mut spec = Spec::new(Root::ReadOnly { lowers: tools }, task);
        let target = PathBuf::from(TARGET);
        spec.mounts.extend(system.map(|lowers| Mount::Tree { lowers, target }));
        spec.mounts.push(Mount::Bind {
            source: self.work(),
            target: PathBuf::from(WORK),
            writable: true,
            owner: Owner::Tree,
        });
        Ok(spec)
    }

    /// Takes one file of the directory into the store and gives the rest up.
    fn adopt(self, bench: &Bench<'_>, file: &str) -> Result<Made, BuildError> {
        Ok(made(bench.adopt(&self.work().join(file))?, serde_json::Value::Null))
    }
}

/// A blob being written, as a stream.
struct Sink<'a> {
    blob: BlobWriter<'a>,
    /// The store's own words for why a write failed.
    failure: Option<StoreError>,
}

impl Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.blob.append(bytes) {
            Ok(()) => Ok(bytes.len()),
            Err(error) => {
                let told = io::Error::other(error.to_string());
                self.failure.get_or_insert(error);
                Err(told)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
