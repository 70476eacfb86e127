//! The event log loses and repeats nothing, on both engines.

use std::collections::HashSet;
use std::sync::Arc;

use domain::kernel::UserId;
use domain::people::model::PeopleEvent;
use domain::runtime::feed::Next;
use domain::runtime::log::History;
use domain::runtime::{App, Ctx, Cursor, log};
use futures::FutureExt as _;
use tests::process::wait_until;
use tests::{Desk, on_postgres};
use uuid::Uuid;

const WRITERS: u128 = 8;
const EVENTS_EACH: u128 = 25;

/// An event with a number.
fn event(n: u128) -> PeopleEvent {
    PeopleEvent::UserChanged { user: UserId(Uuid::from_u128(n)), fields: Vec::new() }
}

async fn write(app: &Arc<App>, n: u128) {
    let mut tx = Ctx::system(app).begin().await.unwrap();
    tx.record(event(n)).await.unwrap();
    tx.commit().await.unwrap();
}

/// Reads after `after` until `wanted` numbered events have arrived.
async fn collect(app: &Arc<App>, after: Cursor, wanted: usize) -> Vec<(Cursor, u128)> {
    let mut follower = app.feed.follow(app, after, History::Included);
    let mut seen = Vec::new();
    while seen.len() < wanted {
        match follower.next().await.unwrap() {
            Next::Rows(rows) => {
                seen.extend(
                    rows.iter().filter(|row| row.kind == "UserChanged").map(|row| (row.cursor, row.subject.as_u128())),
                );
            }
            Next::Lagged => {}
            Next::Ended => break,
        }
    }
    seen
}

/// On one thread, so that the commit cannot end before its caller is dropped.
#[tokio::test]
async fn a_client_disconnect_during_commit_still_publishes_the_change() {
    let desk = Desk::start().await;
    desk.wait_for_followers().await;
    let start = log::head(desk.app.db.read(), desk.app.db.engine).await.unwrap();
    let mut tx = Ctx::system(&desk.app).begin().await.unwrap();
    tx.record(event(1)).await.unwrap();
    // Polled once and dropped while it waits for the disk.
    assert!(tx.commit().now_or_never().is_none());
    wait_until("it is published", || async { *desk.app.feed.head().borrow() > start }).await;
    assert_eq!(collect(&desk.app, start, 1).await[0].1, 1);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_concurrent_writers_lose_and_repeat_no_event() {
    let desk = Desk::start().await;
    desk.wait_for_followers().await;
    let start = log::head(desk.app.db.read(), desk.app.db.engine).await.unwrap();
    let following = tokio::spawn({
        let app = desk.app.clone();
        async move { collect(&app, start, usize::try_from(WRITERS * EVENTS_EACH).unwrap()).await }
    });
    let writers = (0..WRITERS).map(|writer| {
        let app = desk.app.clone();
        tokio::spawn(async move {
            for n in 0..EVENTS_EACH {
                write(&app, 1 + writer * EVENTS_EACH + n).await;
            }
        })
    });
    for writer in writers {
        writer.await.unwrap();
    }
    let live = following.await.unwrap();
    let numbers: HashSet<u128> = live.iter().map(|(_, n)| *n).collect();
    assert_eq!(numbers, (1..=WRITERS * EVENTS_EACH).collect());
    assert_eq!(live.len(), numbers.len(), "no event twice");
    assert!(live.windows(2).all(|pair| pair[0].0 < pair[1].0), "in the order of the log");
    // A later reader gets the same events in the same order.
    assert_eq!(collect(&desk.app, start, live.len()).await, live);
    desk.close().await;
}

/// On PostgreSQL a row with a lower seq may be committed after one with a higher seq.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_commits_late_with_a_lower_seq_is_not_skipped() {
    let desk = Desk::start().await;
    desk.wait_for_followers().await;
    let start = log::head(desk.app.db.read(), desk.app.db.engine).await.unwrap();
    if on_postgres() {
        // A written row with its seq, in an open transaction.
        let early = desk.app.db.begin().await.unwrap();
        insert_raw(&early, 1).await;
        write(&desk.app, 2).await;
        let readable = log::read(&desk.app, start, 10).await.unwrap();
        assert!(readable.is_empty(), "the later seq waits behind the horizon: {readable:?}");
        early.commit().await.unwrap();
    } else {
        // SQLite has one writer at a time.
        let mut early = Ctx::system(&desk.app).begin().await.unwrap();
        early.record(event(1)).await.unwrap();
        let later = tokio::spawn({
            let app = desk.app.clone();
            async move { write(&app, 2).await }
        });
        early.commit().await.unwrap();
        later.await.unwrap();
    }
    let seen = collect(&desk.app, start, 2).await;
    assert_eq!(seen.iter().map(|(_, n)| *n).collect::<Vec<_>>(), [1, 2]);
    desk.close().await;
}

async fn insert_raw(tx: &domain::runtime::db::WriteTx, n: u128) {
    use sea_orm::ConnectionTrait as _;
    let payload = domain::runtime::event::encode(&event(n));
    let id = Uuid::from_u128(n);
    let sql = format!(
        "insert into event_log (kind, subject_kind, subject, side, audience, channel, request_id, at, payload, digest)
         values ('UserChanged', 'user', '{id}', 'SYSTEM', 'STAFF', 'test', '{id}', 0, '{payload}', '\\x00')"
    );
    tx.conn().execute_unprepared(&sql).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_transaction_leaves_no_event_and_blocks_nobody() {
    let desk = Desk::start().await;
    desk.wait_for_followers().await;
    let start = log::head(desk.app.db.read(), desk.app.db.engine).await.unwrap();
    let mut dropped = Ctx::system(&desk.app).begin().await.unwrap();
    dropped.record(event(1)).await.unwrap();
    drop(dropped);
    write(&desk.app, 2).await;
    assert_eq!(collect(&desk.app, start, 1).await.iter().map(|(_, n)| *n).collect::<Vec<_>>(), [2]);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tampering_with_the_log_is_detected() {
    let desk = Desk::start().await;
    desk.wait_for_followers().await;
    write(&desk.app, 1).await;
    write(&desk.app, 2).await;
    desk.wait_for_followers().await;
    let sealed = domain::audit::commands::seal(&desk.app).await.unwrap();
    assert!(sealed >= 2);
    write(&desk.app, 3).await;
    desk.wait_for_followers().await;
    let report = domain::audit::queries::verify(&desk.app, |_| {}).await.unwrap();
    assert!(report.is_intact(), "{report:?}");
    assert_eq!(report.unsealed, 1);
    for (what, sql) in [
        (
            "a changed payload",
            "update event_log set payload = replace(payload, 'fields', 'fjelds') where kind = 'UserChanged' and subject = ",
        ),
        ("a removed row", "delete from event_log where kind = 'UserChanged' and subject = "),
    ] {
        use sea_orm::ConnectionTrait as _;
        let tx = desk.app.db.begin().await.unwrap();
        let id = Uuid::from_u128(1);
        let literal = if on_postgres() { format!("'{id}'") } else { format!("x'{}'", id.simple()) };
        tx.conn().execute_unprepared(&format!("{sql}{literal}")).await.unwrap();
        tx.commit().await.unwrap();
        let report = domain::audit::queries::verify(&desk.app, |_| {}).await.unwrap();
        assert!(!report.is_intact(), "{what} is found");
    }
    desk.close().await;
}
