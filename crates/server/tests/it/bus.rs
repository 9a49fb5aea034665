//! What processes tell each other over a real NATS server, and what they do while it is away.

use std::time::Duration;

use lbuild_db::BuildId;
use lbuild_db::event::{Chunk, Event};
use lbuild_db::queue::Told;
use lbuild_server::bus::nats::{Nats, NatsError};
use lbuild_server::bus::{Bus, Heard, News};
use lbuild_testkit::nats::Nats as Server;
use serde_json::Value;
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

/// How long something may take on a machine that has much to do.
const PATIENCE: Duration = Duration::from_mins(1);

/// How long to wait before something is said again.
const AGAIN: Duration = Duration::from_millis(200);

async fn bus(server: &Server, service: &str) -> Bus {
    Bus::over(Nats::connect(&server.address(), service).await.expect("it answers"))
}

/// Says something until it is heard: whoever begins to listen hears what is said from then on.
async fn hear(listener: &mut Receiver<Heard>, say: impl Fn()) -> Heard {
    let heard = async {
        loop {
            say();
            if let Ok(heard) = timeout(AGAIN, listener.recv()).await {
                return heard.expect("it listens");
            }
        }
    };
    timeout(PATIENCE, heard).await.expect("it is heard")
}

fn news(build: BuildId) -> Told {
    let event = |seq| Event {
        seq,
        event: lbuild_db::event::NewEvent { kind: "log".to_owned(), at: 0, data: Value::Null },
    };
    Told { build, chunk: Chunk { events: vec![event(3), event(4)], log_end: 0 } }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_process_says_the_others_of_its_service_hear() {
    let server = Server::start();
    let (one, two, stranger) = (bus(&server, "a").await, bus(&server, "a").await, bus(&server, "b").await);
    let (mut own, mut others, mut strange) = (one.hear(), two.hear(), stranger.hear());
    let build = BuildId::new();
    assert_eq!(hear(&mut others, || one.cancel(build)).await, Heard::Cancel(build));
    // said before: heard, at the latest, before what follows
    let told = loop {
        match hear(&mut others, || one.news(&news(build))).await {
            Heard::Cancel(_) => {}
            Heard::News(news) => break news,
        }
    };
    assert_eq!(told, News { build: build.0, first: 3, last: 4 });
    // by the time that these hear what is meant for them, they would have heard the rest
    let last = BuildId::new();
    assert_eq!(hear(&mut own, || two.cancel(last)).await, Heard::Cancel(last));
    let another = bus(&server, "b").await;
    assert_eq!(hear(&mut strange, || another.cancel(last)).await, Heard::Cancel(last));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hint_goes_to_one_worker() {
    let server = Server::start();
    let (api, one, two) = (bus(&server, "a").await, bus(&server, "a").await, bus(&server, "a").await);
    for _ in 0..8 {
        api.work(BuildId::new());
    }
    let count = async |bus: &Bus| {
        let mut count = 0;
        loop {
            let hint = bus.wait().await;
            if hint.is_nothing() {
                return count;
            }
            hint.done().await;
            count += 1;
        }
    };
    let (first, second) = tokio::join!(count(&one), count(&two));
    assert_eq!(first + second, 8, "each hint is given once");
}

#[tokio::test(flavor = "multi_thread")]
async fn t38_a_server_that_is_away_is_done_without_and_used_again() {
    let mut server = Server::start();
    let (one, two) = (bus(&server, "a").await, bus(&server, "a").await);
    let mut others = two.hear();
    let build = BuildId::new();
    hear(&mut others, || one.cancel(build)).await;

    server.kill();
    let lost = async {
        while one.check() == Some(Ok(())) || two.check() == Some(Ok(())) {
            tokio::time::sleep(AGAIN).await;
        }
    };
    timeout(PATIENCE, lost).await.expect("it is noticed");
    one.work(build);
    assert!(timeout(PATIENCE, two.wait()).await.expect("it looks by itself").is_nothing());

    server.resume();
    // a new server has forgotten the stream of hints, and everybody who listened
    let again = BuildId::new();
    while hear(&mut others, || one.cancel(again)).await != Heard::Cancel(again) {}
    let hinted = async {
        loop {
            one.work(again);
            let hint = two.wait().await;
            if !hint.is_nothing() {
                return hint.done().await;
            }
        }
    };
    timeout(PATIENCE, hinted).await.expect("hints arrive again");
    assert_eq!(one.check(), Some(Ok(())));
}

#[tokio::test]
async fn a_server_that_is_away_from_the_start_is_waited_for_and_nonsense_is_refused() {
    let mut server = Server::start();
    server.kill();
    let bus = bus(&server, "a").await;
    assert!(matches!(bus.check(), Some(Err(_))));
    server.resume();
    let back = async {
        while bus.check() != Some(Ok(())) {
            tokio::time::sleep(AGAIN).await;
        }
    };
    timeout(PATIENCE, back).await.expect("it connects");
    let refused = Nats::connect("nats://user:secret@host:x", "a").await.err().expect("no port");
    assert!(matches!(&refused, NatsError::Address(_)));
    assert!(!refused.to_string().contains("secret"), "{refused}");
}
