//! Each step alone; `device/tests/updates` cuts them off half way.

use super::*;

/// Most blocked versions that are remembered.
const MAX_BLOCKED: usize = 64;

fn entry(version: u64) -> Entry {
    Entry {
        kind: FileKind::Expression,
        version,
        model_id: String::new(),
        sha256: format!("{version}"),
        bytes: 1,
        signed_by: Some("key".into()),
    }
}

fn install(pointer: &mut Pointer, version: u64) {
    pointer.clear_spare();
    pointer.begin_trial(entry(version), 1);
}

fn active(pointer: &Pointer) -> Option<u64> {
    pointer.active_entry().map(|entry| entry.version)
}

#[test]
fn slots_alternate_and_a_rollback_goes_one_back() {
    let mut pointer = Pointer::default();
    assert!(
        !pointer.roll_back(None),
        "the factory's has nothing before it"
    );
    for version in 1..=3 {
        install(&mut pointer, version);
        pointer.confirm();
        assert_eq!(active(&pointer), Some(version));
    }
    assert_eq!(pointer.active, Some(Slot::A));
    assert_eq!(pointer.floors[&FileKind::Expression], 3);
    assert!(pointer.roll_back(None));
    assert_eq!(active(&pointer), Some(2));
    assert!(pointer.blocked.is_empty(), "a person may change their mind");
    assert!(pointer.roll_back(None));
    assert_eq!(active(&pointer), None, "the one before was overwritten");
    assert_eq!(pointer.floors[&FileKind::Expression], 3, "it never sinks");
}

#[test]
fn an_install_that_stops_half_way_leaves_the_active_one() {
    let mut pointer = Pointer::default();
    for version in 1..=2 {
        install(&mut pointer, version);
        pointer.confirm();
    }
    pointer.clear_spare();
    assert_eq!(active(&pointer), Some(2));
    assert!(pointer.roll_back(None));
    assert_eq!(
        active(&pointer),
        None,
        "never to a slot that may be half written"
    );
}

#[test]
fn too_many_starts_are_a_crash_loop() {
    let mut pointer = Pointer::default();
    install(&mut pointer, 7);
    assert_eq!(pointer.trial, Some(Trial { starts: 1 }));
    assert_eq!(pointer.count_start(3), None);
    pointer.uncount_start();
    assert_eq!(pointer.count_start(3), None);
    assert_eq!(pointer.count_start(3), None);
    assert_eq!(pointer.count_start(3), Some(Fault::CrashLoop));
    assert!(pointer.roll_back(Some(Fault::CrashLoop)));
    assert_eq!((active(&pointer), pointer.trial), (None, None));
    let blocked = Blocked {
        kind: FileKind::Expression,
        version: 7,
        fault: Fault::CrashLoop,
    };
    assert_eq!(pointer.blocked, [blocked]);
    assert!(pointer.floors.is_empty(), "it was never confirmed");
    assert_eq!(pointer.count_start(3), None, "no trial, no count");
    // A later version that holds makes the memory needless.
    install(&mut pointer, 8);
    pointer.confirm();
    assert!(pointer.blocked.is_empty());
}

#[test]
fn nobody_s_model_raises_no_floor() {
    let mut pointer = Pointer::default();
    let unsigned = Entry {
        signed_by: None,
        ..entry(u64::MAX)
    };
    pointer.begin_trial(unsigned, 1);
    pointer.confirm();
    assert_eq!(pointer.trial, None);
    assert!(pointer.floors.is_empty());
}

#[test]
fn what_failed_is_not_remembered_without_end() {
    let mut pointer = Pointer::default();
    for version in 1..200 {
        install(&mut pointer, version);
        pointer.roll_back(Some(Fault::Stall));
    }
    assert_eq!(pointer.blocked.len(), MAX_BLOCKED);
    assert_eq!(pointer.blocked[MAX_BLOCKED - 1].version, 199);
}

#[test]
fn it_is_written_as_documented() {
    let mut record = Record::default();
    install(&mut record.expression, 2);
    record.expression.roll_back(Some(Fault::Unusable));
    install(&mut record.expression, 3);
    let json = serde_json::to_string(&record).unwrap();
    assert_eq!(
        json,
        "{\"format\":1,\"expression\":{\"active\":\"a\",\"previous\":null,\
         \"a\":{\"kind\":\"expression\",\"version\":3,\"model_id\":\"\",\"sha256\":\"3\",\
         \"bytes\":1,\"signed_by\":\"key\"},\"b\":null,\"trial\":{\"starts\":1},\"floors\":{},\
         \"blocked\":[{\"kind\":\"expression\",\"version\":2,\"fault\":\"unusable\"}]},\
         \"detector\":{\"active\":null,\"previous\":null,\"a\":null,\"b\":null,\"trial\":null,\
         \"floors\":{},\"blocked\":[]},\"last_install\":[]}"
    );
    assert_eq!(serde_json::from_str::<Record>(&json).unwrap(), record);
}
