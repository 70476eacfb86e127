//! Three external systems that report statuses of the demo's latest tickets, partly conflicting.

use std::sync::Arc;

use domain::hub;
use domain::hub::model::{RegisterSystem, ReportInput, ReportStatuses, ReportTime, StatusMapping};
use domain::kernel::{Actor, Clock as _, ManualClock, Page, Result, TicketId, Timestamp, minutes, seconds};
use domain::people;
use domain::runtime::{App, Ctx};
use domain::tickets::model::TicketStatus::{self, Assigned, InProgress, Resolved, Waiting};
use domain::tickets::model::{CreateTicket, ExternalRef, Filter, LinkExternalRef, StatusIs, Ticket};
use domain::tickets::queries;

/// Their status names, in the order ASSIGNED, IN_PROGRESS, WAITING, RESOLVED.
const SYSTEMS: [(&str, &str, [&str; 4]); 3] = [
    ("CRM_ID", "CRM", ["open", "working", "on hold", "solved"]),
    ("ERP_NO", "ERP", ["已下发", "执行中", "挂起", "已完工"]),
    ("APP_SN", "Field app 现场应用", ["已签收", "处理中", "待确认", "已修好"]),
];
const STATUSES: [TicketStatus; 4] = [Assigned, InProgress, Waiting, Resolved];
/// Tickets that the systems report on.
const TICKETS: u64 = 16;

/// Registers the systems and submits their reports.
pub async fn report_statuses(app: &Arc<App>, clock: &ManualClock) -> Result<()> {
    let cx = Ctx::system(app);
    let mut actors = Vec::new();
    for (key, name, words) in SYSTEMS {
        let word = |(word, status): (&str, TicketStatus)| StatusMapping {
            source_status: word.to_owned(),
            status,
            reopens: false,
        };
        let command = RegisterSystem {
            key: key.to_owned(),
            name: name.to_owned(),
            rank: None,
            callback_url: None,
            status_map: words.into_iter().zip(STATUSES).map(word).collect(),
        };
        let made = cx.execute(&command, None).await?;
        hub::queries::invalidate_systems(app);
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
            cx.execute(&ReportStatuses { reports: vec![report], sent_at: Some(clock.now()) }, None).await?;
        }
    }
    Ok(())
}

/// Creates a ticket of the timeline. Its references are linked by the systems that own them: a requester cannot link any.
pub async fn create_ticket(cx: &Ctx, command: &CreateTicket) -> Result<TicketId> {
    let id = cx.execute(&CreateTicket { external_refs: Vec::new(), ..command.clone() }, None).await?;
    let system = Ctx { channel: "api", ..Ctx::system(&cx.app) };
    for reference in &command.external_refs {
        let token = queries::tokens(system.read(), &[id]).await?.remove(&id).unwrap_or_default();
        system.execute(&LinkExternalRef { token, reference: reference.clone() }, None).await?;
    }
    Ok(id)
}

/// Minutes since the oldest report.
const LONGEST_AGO: u64 = 300;

/// The reports on a ticket, each with the index of its system.
fn reports(ticket: &Ticket, n: usize, now: Timestamp) -> Vec<(usize, ReportInput)> {
    let at = STATUSES.iter().position(|status| *status == ticket.status).unwrap_or(1);
    let report = |place: usize, word: usize, ago: u64| {
        let given = ReportInput {
            token: ticket.token.clone(),
            source_status: SYSTEMS[place].2[word].to_owned(),
            // In the order of `ago`, also for a ticket that is younger.
            at: ReportTime::Instant((now - minutes(ago)).max(ticket.times.created_at + seconds(LONGEST_AGO - ago))),
            operator: ["Chen Li", "王工", "赵敏"][place].to_owned(),
            event_id: Some(format!("{}-{n}-{ago}", SYSTEMS[place].0)),
            cause: None,
        };
        (place, given)
    };
    match n % 4 {
        // No conflict.
        0 => vec![report(0, at, 50), report(1, at, 48), report(2, at, 47)],
        // The ERP lags behind.
        1 => vec![report(1, 0, LONGEST_AGO), report(0, at, 40), report(2, at, 39)],
        // A conflict within five minutes: the latest report wins.
        2 => vec![report(0, 1, 30), report(1, 2, 28), report(2, 1, 26)],
        // The field app reports it as done, but the attribution is missing.
        _ => vec![report(0, at, 20), report(2, 3, 12)],
    }
}
