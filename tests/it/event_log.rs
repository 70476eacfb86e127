//! The log is right: nothing is lost, nothing comes twice, on both engines.

use std::collections::HashSet;
use std::sync::Arc;

use domain::event::Event;
use domain::kernel::UserId;
use domain::people::model::PeopleEvent;
use domain::runtime::feed::{History, Next};
use domain::runtime::{App, Ctx, Cursor, log};
use futures::FutureExt as _;
use tests::process::until;
use tests::{Desk, on_postgres};
use uuid::Uuid;

const WRITERS: u128 = 8;
const EACH: u128 = 25;

/// An event that says nothing but which it is.
fn event(n: u128) -> Event {
    Event::People(PeopleEvent::UserChanged { user: UserId(Uuid::from_u128(n)), fields: Vec::new() })
}

async fn write(app: &Arc<App>, n: u128) {
    let mut tx = Ctx::system(app).begin().await.unwrap();
    tx.record(event(n)).await.unwrap();
    tx.commit().await.unwrap();
}

/// Reads behind `after` until `wanted` numbered events have come.
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

#[tokio::test(flavor = "multi_thread")]
async fn a_change_whose_caller_goes_away_in_the_middle_of_the_commit_is_told_too() {
    let desk = Desk::start().await;
    desk.settle().await;
    let start = log::head(desk.app.db.read(), desk.app.db.engine).await.unwrap();
    let mut tx = Ctx::system(&desk.app).begin().await.unwrap();
    tx.record(event(1)).await.unwrap();
    // Polled once, and dropped while it waits for the disk.
    assert!(tx.commit().now_or_never().is_none());
    until("it is told", || async { *desk.app.feed.head().borrow() > start }).await;
    assert_eq!(collect(&desk.app, start, 1).await[0].1, 1);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_writers_at_once_lose_and_repeat_nothing() {
    let desk = Desk::start().await;
    desk.settle().await;
    let start = log::head(desk.app.db.read(), desk.app.db.engine).await.unwrap();
    let following = tokio::spawn({
        let app = desk.app.clone();
        async move { collect(&app, start, usize::try_from(WRITERS * EACH).unwrap()).await }
    });
    let writers = (0..WRITERS).map(|writer| {
        let app = desk.app.clone();
        tokio::spawn(async move {
            for n in 0..EACH {
                write(&app, 1 + writer * EACH + n).await;
            }
        })
    });
    for writer in writers {
        writer.await.unwrap();
    }
    let live = following.await.unwrap();
    let numbers: HashSet<u128> = live.iter().map(|(_, n)| *n).collect();
    assert_eq!(numbers, (1..=WRITERS * EACH).collect());
    assert_eq!(live.len(), numbers.len(), "nothing twice");
    assert!(live.windows(2).all(|pair| pair[0].0 < pair[1].0), "in the order of the log");
    // Whoever comes later reads the same, in the same order.
    assert_eq!(collect(&desk.app, start, live.len()).await, live);
    desk.close().await;
}

/// On PostgreSQL a row with a lower seq may be committed after one with a higher seq.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_commits_late_with_a_lower_seq_is_not_skipped() {
    let desk = Desk::start().await;
    desk.settle().await;
    let start = log::head(desk.app.db.read(), desk.app.db.engine).await.unwrap();
    if on_postgres() {
        // Written, with its seq taken, and held open.
        let early = desk.app.db.begin().await.unwrap();
        insert_raw(&early, 1).await;
        write(&desk.app, 2).await;
        let readable = log::read(desk.app.db.read(), desk.app.db.engine, start, 10).await.unwrap();
        assert!(readable.is_empty(), "the later seq waits behind the horizon: {readable:?}");
        early.commit().await.unwrap();
    } else {
        // One writer at a time: the later one cannot begin before the earlier has ended.
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
    let payload = serde_json::to_string(&event(n)).unwrap();
    let id = Uuid::from_u128(n);
    let sql = format!(
        "insert into event_log (kind, subject_kind, subject, side, audience, channel, request_id, at, payload, digest)
         values ('UserChanged', 'user', '{id}', 'SYSTEM', 'STAFF', 'test', '{id}', 0, '{payload}', '\\x00')"
    );
    tx.conn().execute_unprepared(&sql).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_is_dropped_leaves_nothing_and_blocks_nobody() {
    let desk = Desk::start().await;
    desk.settle().await;
    let start = log::head(desk.app.db.read(), desk.app.db.engine).await.unwrap();
    let mut dropped = Ctx::system(&desk.app).begin().await.unwrap();
    dropped.record(event(1)).await.unwrap();
    drop(dropped);
    write(&desk.app, 2).await;
    assert_eq!(collect(&desk.app, start, 1).await.iter().map(|(_, n)| *n).collect::<Vec<_>>(), [2]);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tampering_with_the_log_is_found() {
    let desk = Desk::start().await;
    desk.settle().await;
    write(&desk.app, 1).await;
    write(&desk.app, 2).await;
    desk.settle().await;
    let sealed = domain::audit::commands::seal(&desk.app).await.unwrap();
    assert!(sealed >= 2);
    write(&desk.app, 3).await;
    desk.settle().await;
    let report = domain::audit::queries::verify(&desk.app, |_| {}).await.unwrap();
    assert!(report.is_sound(), "{report:?}");
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
        assert!(!report.is_sound(), "{what} is found");
    }
    desk.close().await;
}
