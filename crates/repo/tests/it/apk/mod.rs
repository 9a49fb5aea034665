//! Alpine's formats and rules: its published tables, its real indexes and packages, and `apk` itself.

mod oracle;
mod versions;
