//! A fault as Sentry reads it: an envelope with one event
//! (<https://develop.sentry.dev/sdk/foundations/transport/envelopes/>,
//! <https://develop.sentry.dev/sdk/foundations/transport/event-payloads/>).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::Fault;

/// Lines of JSON: the head of the envelope, the head of the event, the event.
pub fn envelope(fault: &Fault, untold: u64) -> Vec<u8> {
    let id = Uuid::now_v7().simple().to_string();
    let tags: BTreeMap<&str, &str> = fault.tags.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let event = json!({
        "event_id": id,
        "timestamp": Timestamp::now().to_string(),
        "platform": "other",
        "level": "error",
        "logger": "lbuild",
        "release": concat!("lbuild@", env!("CARGO_PKG_VERSION")),
        "transaction": fault.place,
        "exception": { "values": [{ "type": fault.kind, "value": fault.cause }] },
        "tags": tags,
        "extra": { "untold": untold },
    });
    let event = event.to_string();
    let item = json!({ "type": "event", "length": event.len() });
    format!("{}\n{item}\n{event}\n", json!({ "event_id": id })).into_bytes()
}
