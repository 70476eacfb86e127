//! Three systems that speak of the demo's latest tickets: some of them alike, some not.

use std::sync::Arc;

use domain::hub;
use domain::hub::model::{Given, RegisterSystem, ReportStatuses, StatusWord};
use domain::kernel::{Actor, Clock as _, ManualClock, Page, Result, Timestamp, minutes};
use domain::people;
use domain::runtime::{App, Ctx};
use domain::tickets::model::TicketStatus::{self, Assigned, InProgress, Resolved, Waiting};
use domain::tickets::model::{ExternalRef, Filter, LinkExternalRef, StatusIs, Ticket};
use domain::tickets::queries;

/// Each with its own words, in the order ASSIGNED, IN_PROGRESS, WAITING, RESOLVED.
const SYSTEMS: [(&str, &str, [&str; 4]); 3] = [
    ("CRM_ID", "CRM", ["open", "working", "on hold", "solved"]),
    ("ERP_NO", "ERP", ["已下发", "执行中", "挂起", "已完工"]),
    ("APP_SN", "Field app 现场应用", ["已签收", "处理中", "待确认", "已修好"]),
];
const MEANINGS: [TicketStatus; 4] = [Assigned, InProgress, Waiting, Resolved];
/// Tickets that all three speak of.
const TICKETS: u64 = 16;

/// Registers the systems, and has them report.
pub async fn speak(app: &Arc<App>, clock: &ManualClock) -> Result<()> {
    let cx = Ctx::system(app);
    let mut actors = Vec::new();
    for (key, name, words) in SYSTEMS {
        let word = |(word, status): (&str, TicketStatus)| StatusWord { word: word.to_owned(), status, reopens: false };
        let command = RegisterSystem {
            key: key.to_owned(),
            name: name.to_owned(),
            rank: None,
            callback_url: None,
            words: words.into_iter().zip(MEANINGS).map(word).collect(),
        };
        let made = cx.execute(&command, None).await?;
        hub::queries::forget(app);
        let systems = hub::queries::systems(app).await?;
        let account = systems.get(&made.system).map(|system| system.account);
        let person = match account {
            Some(account) => people::queries::person(app, account).await?,
            None => None,
        };
        actors.extend(person.map(|person| Actor::Person(person.into())));
    }
    let open = StatusIs { one_of: Some(vec![Assigned, InProgress, Waiting]), none_of: Vec::new() };
    let filter = Filter { status: Some(open), ..Filter::default() };
    let page = Page { limit: TICKETS, ..Page::default() };
    let tickets = queries::list(&cx, &filter, None, &page).await?;
    for (n, edge) in tickets.edges.into_iter().enumerate() {
        let ticket = edge.node;
        for (key, ..) in &SYSTEMS[1..] {
            let reference =
                ExternalRef { system: (*key).to_owned(), external_id: format!("{}-{:05}", &key[..1], 70_000 + n) };
            cx.execute(&LinkExternalRef { token: ticket.token.clone(), reference }, None).await?;
        }
        for (place, report) in reports(&ticket, n, clock.now()) {
            let Some(actor) = actors.get(place) else { continue };
            let cx = Ctx { actor: actor.clone(), channel: "api", ..Ctx::system(app) };
            cx.execute(&ReportStatuses { reports: vec![report], sent_at: None }, None).await?;
        }
    }
    Ok(())
}

/// What the systems say of a ticket, and which says it.
fn reports(ticket: &Ticket, n: usize, now: Timestamp) -> Vec<(usize, Given)> {
    let at = MEANINGS.iter().position(|status| *status == ticket.status).unwrap_or(1);
    let say = |place: usize, word: usize, ago: u64| {
        let given = Given {
            token: ticket.token.clone(),
            word: SYSTEMS[place].2[word].to_owned(),
            at: now - minutes(ago),
            operator: ["Chen Li", "王工", "赵敏"][place].to_owned(),
            event_id: Some(format!("{}-{n}-{ago}", SYSTEMS[place].0)),
            cause: None,
        };
        (place, given)
    };
    match n % 4 {
        // All agree.
        0 => vec![say(0, at, 50), say(1, at, 48), say(2, at, 47)],
        // The ERP lags behind.
        1 => vec![say(1, 0, 300), say(0, at, 40), say(2, at, 39)],
        // A conflict within five minutes: the latest wins.
        2 => vec![say(0, 1, 30), say(1, 2, 28), say(2, 1, 26)],
        // The engineer's app says that it is done: the attribution is missing.
        _ => vec![say(0, at, 20), say(2, 3, 12)],
    }
}
