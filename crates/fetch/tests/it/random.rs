//! Whatever servers do, the content is right or there is an error.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use crate::{
    server::{Reply, Server},
    setup::{Setup, content, download},
};

fn reply(bytes: Vec<u8>) -> impl Strategy<Value = Reply> {
    let size = bytes.len();
    let wrong: Vec<u8> = bytes.iter().map(|byte| byte.wrapping_add(1)).collect();
    prop_oneof![
        Just(Reply::File(bytes.clone())),
        Just(Reply::WithoutRanges(bytes.clone())),
        Just(Reply::File(wrong.clone())),
        (0..size).prop_map({
            let bytes = bytes.clone();
            move |after| Reply::Truncated(bytes.clone(), after)
        }),
        (0..size).prop_map(move |after| Reply::Truncated(wrong.clone(), after)),
        (0..size, 1_usize..3).prop_map({
            let bytes = bytes.clone();
            move |(after, times)| Reply::TruncatedAtFirst(bytes.clone(), after, times)
        }),
        (1_usize..3).prop_map(move |times| Reply::StatusAtFirst(500, times, bytes.clone())),
        prop::sample::select(vec![204_u16, 206, 301, 304, 400, 404, 416, 500, 503]).prop_map(Reply::Status),
        Just(Reply::Endless),
        Just(Reply::Garbage),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn wrong_content_is_never_stored(
        replies in prop::collection::vec(reply(content(30_000)), 1..4),
        known_size in any::<bool>(),
    ) {
        let bytes = content(30_000);
        let servers: Vec<_> = replies.iter().map(|reply| Server::start([("/f", reply.clone())])).collect();
        let urls: Vec<_> = servers.iter().map(|server| server.url("/f")).collect();
        let mut file = download(&bytes, &urls);
        file.size = known_size.then_some(30_000);
        let setup = Setup::new();
        let started = Instant::now();
        let result = setup.fetch(&file);
        prop_assert!(started.elapsed() < Duration::from_secs(10));
        let honest = replies.iter().any(|reply| matches!(reply, Reply::File(b) | Reply::WithoutRanges(b) if *b == bytes));
        match result {
            Ok(blob) => prop_assert_eq!(setup.store.blobs().read(blob.digest).unwrap(), bytes),
            Err(error) => {
                prop_assert!(!honest, "{}", error);
                prop_assert!(!setup.store.blobs().contains(file.digest));
            }
        }
        prop_assert_eq!(setup.store.usage().unwrap().quarantined.count, 0);
    }
}
