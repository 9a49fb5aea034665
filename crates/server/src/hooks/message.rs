//! What a message says, in each format.
//!
//! A failure can quote what a package or a mirror wrote, so text is escaped for whoever shows it.

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use utoipa::ToSchema;

/// Longest text of a message to people, in characters.
const LONGEST: usize = 1500;

/// How messages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Standard Webhooks: JSON with `type`, `timestamp` and `data`, signed.
    Standard,
    /// An incoming webhook of Slack, or of what understands the same, such as Mattermost.
    Slack,
    /// A webhook of Discord.
    Discord,
    /// A generic webhook of matrix-hookshot, which posts into a room.
    Matrix,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::Standard, Self::Slack, Self::Discord, Self::Matrix];

    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Slack => "slack",
            Self::Discord => "discord",
            Self::Matrix => "matrix",
        }
    }

    /// The format of this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// The body of a message, from what the database keeps of it.
    pub fn body(self, payload: &Json) -> Json {
        match self {
            Self::Standard => json!({
                "type": payload["type"],
                "timestamp": timestamp(payload),
                "data": payload["data"],
            }),
            Self::Slack => json!({ "text": slack(&text(payload)) }),
            // nobody is called by what a package wrote
            Self::Discord => json!({ "content": text(payload), "allowed_mentions": { "parse": [] } }),
            Self::Matrix => json!({ "text": text(payload), "html": html(&text(payload)) }),
        }
    }
}

fn timestamp(payload: &Json) -> Option<String> {
    let at = jiff::Timestamp::from_millisecond(payload["at"].as_i64()?).ok()?;
    Some(at.to_string())
}

/// One or two lines for people.
fn text(payload: &Json) -> String {
    let word = |field: &str| payload["data"][field].as_str().unwrap_or_default();
    if payload["type"] == TEST {
        return "lbuild: this is a test of a webhook".to_owned();
    }
    let mut text = format!("{} ({}): {}", word("name"), word("base"), word("status"));
    let failure = &payload["data"]["failure"];
    if let Some(message) = failure["message"].as_str() {
        text.push('\n');
        text.push_str(message);
    }
    text.push_str("\nbuild ");
    text.push_str(word("id"));
    text.chars().filter(|c| *c == '\n' || !c.is_control()).take(LONGEST).collect()
}

/// Kind of the message that only tests a webhook.
pub const TEST: &str = "webhook.test";

fn slack(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn html(text: &str) -> String {
    slack(text).replace('"', "&quot;").replace('\n', "<br>")
}

#[cfg(test)]
mod tests {
    use super::{Format, TEST};
    use serde_json::json;

    #[test]
    fn every_format_says_what_happened_and_calls_nobody() {
        let payload = json!({ "type": "build.failed", "at": 1_700_000_000_000_i64, "data": {
            "id": "7", "name": "web", "base": "debian", "status": "failed",
            "failure": { "message": "no <!channel> @everyone\u{1b}[2J \"&\"" } } });
        assert_eq!(Format::Standard.body(&payload)["timestamp"], "2023-11-14T22:13:20Z");
        assert_eq!(Format::Standard.body(&payload)["data"], payload["data"]);
        let slack = Format::Slack.body(&payload)["text"].to_string();
        assert!(slack.contains("web (debian): failed") && slack.contains("&lt;!channel&gt;"), "{slack}");
        let discord = Format::Discord.body(&payload);
        assert_eq!(discord["allowed_mentions"], json!({ "parse": [] }));
        assert!(!discord["content"].as_str().expect("text").contains('\u{1b}'));
        let matrix = Format::Matrix.body(&payload)["html"].to_string();
        assert!(matrix.contains("&lt;!channel&gt;") && matrix.contains("<br>build 7"), "{matrix}");
    }

    #[test]
    fn a_long_failure_is_cut() {
        let payload =
            json!({ "type": "build.failed", "data": { "failure": { "message": "x".repeat(9000) } } });
        let content = Format::Discord.body(&payload)["content"].as_str().map(str::len);
        assert!(content.is_some_and(|length| length < 2000), "{content:?}");
        let test = Format::Slack.body(&json!({ "type": TEST }));
        assert!(test["text"].as_str().is_some_and(|text| text.contains("test")), "{test}");
    }
}
