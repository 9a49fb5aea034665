//! The plan as data; that its commands work is for the integration tests.

use super::*;

fn options() -> IsoOptions {
    let live = LiveSystem { title: "Debian live".into(), parameters: vec!["quiet".into()], timeout: 5 };
    IsoOptions {
        volume_id: "DEBIAN_LIVE".into(),
        disk_info: "Debian live".into(),
        epoch: 1_700_000_000,
        seed: [1; 32],
        live,
    }
}

fn places() -> IsoPlaces {
    IsoPlaces {
        work: "/work/".into(),
        core_image: "/work/eltorito.img".into(),
        esp: "/work/esp.img".into(),
        kernel: "/target/boot/vmlinuz".into(),
        initrd: "/target/boot/initrd.img".into(),
        squashfs: "/work/a=b.squashfs".into(),
        output: "/out/live.iso".into(),
    }
}

#[test]
fn files_are_grafted_where_they_lie_and_have_weights() {
    let steps = image(&options(), &places()).unwrap();
    let Some(IsoStep::Run(ToolCommand { argv, .. })) = steps.last() else { panic!("{steps:?}") };
    assert!(argv.contains(&r"live/filesystem.squashfs=/work/a\=b.squashfs".to_owned()));
    assert!(argv.contains(&"live/vmlinuz=/target/boot/vmlinuz".to_owned()));
    let grafts = argv.iter().skip_while(|argument| *argument != "-graft-points").skip(1).count();
    assert_eq!(argv.iter().filter(|argument| *argument == "--sort-weight").count(), grafts);
}

#[test]
fn a_text_cannot_leave_its_line() {
    let mut bad = options();
    bad.live.parameters.push("quiet\nhalt".into());
    assert_eq!(image(&bad, &places()), Err(IsoError::ControlCharacter { field: "parameters" }));
    let mut bad = options();
    bad.volume_id = "debian live".into();
    assert_eq!(image(&bad, &places()), Err(IsoError::VolumeId("debian live".into())));
    let mut bad = options();
    bad.epoch = u64::MAX;
    assert_eq!(image(&bad, &places()), Err(IsoError::Epoch(u64::MAX)));
}

#[test]
fn any_name_becomes_a_volume_identifier() {
    assert_eq!(volume_id("debian-live 13"), "DEBIAN_LIVE_13");
    assert_eq!(volume_id(""), "LIVE");
    assert_eq!(volume_id(&"ä".repeat(50)), "_".repeat(32));
}
