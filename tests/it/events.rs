//! docs/events.md describes every event, as others receive it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use domain::auth::model::{AuthEvent, EndReason};
use domain::calendar::model::CalendarEvent;
use domain::catalogue::model::{CatalogueEvent, Kind};
use domain::credentials::model::CredentialEvent;
use domain::dispatch::model::DispatchFact;
use domain::escalation::model::{EscalationEvent, EscalationFact};
use domain::hub::model::{HubEvent, HubFact};
use domain::import::model::ImportFinished;
use domain::intake::model::{Gateway, IntakeEvent, Reason};
use domain::kernel::{
    ApiKeyId, CardId, CitationId, CommentId, CorrectionId, CredentialId, CustomerId, NotificationId, Role, SessionId,
    SubmissionId, SystemId, TeamId, TicketId, Timestamp, UserId,
};
use domain::knowledge::model::{KnowledgeEvent, KnowledgeFact};
use domain::notifications::model::{Cause, Channel, NotificationEvent, State};
use domain::people::model::PeopleEvent;
use domain::recommend::model::{RecommendEvent, SuggestionFact};
use domain::runtime::{AnyEvent, ClockJumped, Cursor, LogEvent, event, log};
use domain::satisfaction::model::SurveyFact;
use domain::sla::model::{SlaEvent, SlaFact};
use domain::tickets::model::{
    ExternalRef, Fact, FactType, History, ParticipantReason, PendingNeeds, Priority, SlaMetric, Snapshot, TicketEvent,
    TicketStatus, TicketText, Visibility,
};
use domain::wiring::MODULES;
use serde_json::Value;
use tests::{Desk, attribution, json};
use uuid::Uuid;

/// The fields that all events of a ticket may have; the page describes them once.
const OF_EVERY_TICKET: [&str; 6] = ["ticket", "after", "before", "firstResponse", "reported", "history"];

const ID: Uuid = Uuid::from_u128(0x019c_ada5_1f6a_7c31_9e55_6b0d_7a1f_3c20);

/// An event with all its fields set, as the log and others see it.
struct Example {
    kind: String,
    subject: &'static str,
    audience: &'static str,
    tag: &'static str,
    data: Value,
}

fn example<E: LogEvent>(event: E) -> Example {
    let stored = MODULES.decode(&event::encode(&event)).unwrap();
    let (kind, subject, audience) = (event.kind().to_owned(), event.subject().0, event.audience().as_str());
    assert_eq!(stored.get::<E>().unwrap().audience(), event.audience(), "{kind}: the audience as it is read");
    let data = AnyEvent::new(event).data();
    assert_eq!(stored.data(), data, "{kind}: as it was recorded and as it is read");
    Example { kind, subject, audience, tag: E::TAG, data }
}

fn facts() -> Vec<Fact> {
    let text_digest = String::new;
    let key = || "ERP".to_owned();
    let reference = || ExternalRef { system: key(), external_id: key() };
    let (ticket, user) = (TicketId(ID), UserId(ID));
    vec![
        Fact::Created { text_digest: text_digest(), product_recognised: true },
        Fact::Imported { source: key() },
        Fact::Assigned { hand_over: true },
        Fact::Accepted,
        Fact::WaitingSet { text_digest: text_digest() },
        Fact::Resumed,
        Fact::Resolved { text_digest: text_digest() },
        Fact::Attributed { text_digest: text_digest() },
        Fact::Closed { automatic: true },
        Fact::Reopened { comment: Some(CommentId(ID)) },
        Fact::Cancelled { text_digest: text_digest() },
        Fact::Chased,
        Fact::Opened,
        Fact::Commented { comment: CommentId(ID), visibility: Visibility::Public, text_digest: text_digest() },
        Fact::Updated { fields: vec!["title".to_owned()] },
        Fact::Linked { reference: reference(), moved_from: Some(ticket) },
        Fact::Unlinked { reference: reference() },
        Fact::ReferenceMoved { reference: reference(), moved_to: ticket },
        Fact::Redacted { texts: vec![TicketText::Title], comments: vec![CommentId(ID)] },
        Fact::ParticipantAdded { user, reason: ParticipantReason::Follower },
        Fact::ParticipantRemoved { user },
        DispatchFact::Queued.into(),
        SlaFact::SlaRisk { metric: SlaMetric::Resolution }.into(),
        SlaFact::SlaBreached { metric: SlaMetric::Resolution }.into(),
        EscalationFact::Escalated { epoch: 1, level: 2 }.into(),
        EscalationFact::NoResponseMarked.into(),
        KnowledgeFact::Cited { citation: CitationId(ID) }.into(),
        SuggestionFact::SuggestionDismissed { case: ticket, reason: "OTHER".to_owned() }.into(),
        SuggestionFact::SuggestionRestored { case: ticket }.into(),
        KnowledgeFact::JoinedCard { card: CardId(ID) }.into(),
        SurveyFact::Rated { score: 5, text_digest: Some(text_digest()) }.into(),
        HubFact::StatusReported {
            system: key(),
            word: key(),
            status: Some(TicketStatus::Waiting),
            outcome: "APPLIED".to_owned(),
        }
        .into(),
        Fact::ReportPending { system: key(), status: TicketStatus::Resolved, needs: PendingNeeds::Attribution },
        Fact::ReportSettled,
        Fact::LinksRevoked,
        HubFact::CorrectionAcknowledged { system: key(), status: TicketStatus::Resolved }.into(),
        Fact::HistoryNoted { word: key() },
    ]
}

fn ticket_event(fact: Fact) -> TicketEvent {
    let after = Snapshot {
        status: TicketStatus::Assigned,
        priority: Priority::High,
        team: Some(TeamId(ID)),
        assignee: Some(UserId(ID)),
        requester: Some(UserId(ID)),
        customer: Some(CustomerId(ID)),
        product: Some("ROUTER".to_owned()),
        issue_type: Some("REPAIR".to_owned()),
    };
    let before = Some(after.clone());
    TicketEvent { ticket: TicketId(ID), fact, before, after, first_response: true, reported: true, history: None }
}

fn people() -> Vec<Example> {
    let (user, session, key) = (UserId(ID), SessionId(ID), ApiKeyId(ID));
    let text = || "ERP".to_owned();
    let auth = [
        AuthEvent::SessionOpened { session, user },
        AuthEvent::SessionEnded { session, user, reason: EndReason::SignedOut },
        AuthEvent::PasswordChanged { user },
        AuthEvent::SigningKeyRotated { kid: text() },
        AuthEvent::ApiKeyIssued { key, user },
        AuthEvent::ApiKeyRevoked { key, user },
    ];
    let people = [
        PeopleEvent::UserCreated { user, roles: vec![Role::Agent] },
        PeopleEvent::UserChanged { user, fields: vec![text()] },
        PeopleEvent::UserRedacted { user },
        PeopleEvent::ContactCreated { user },
        PeopleEvent::AvailabilityChanged { user, what: text() },
        PeopleEvent::CustomerSaved { customer: CustomerId(ID), key: text(), renamed: true },
    ];
    auth.into_iter().map(example).chain(people.into_iter().map(example)).collect()
}

fn rules() -> Vec<Example> {
    let key = || "ERP".to_owned();
    vec![
        example(CatalogueEvent::CatalogueSaved {
            kind: Kind::Product,
            key: key(),
            confidentiality: true,
            renamed: true,
        }),
        example(CatalogueEvent::TeamSaved { team: TeamId(ID), key: key(), confidentiality: true }),
        example(CalendarEvent::CalendarSaved { key: key(), version: 2 }),
        example(SlaEvent::PolicySaved { key: key(), version: 2 }),
        example(EscalationEvent::PolicySaved { priority: Priority::High, version: 2 }),
        example(RecommendEvent::RankingLearned { questions: 100, used: true }),
        example(ImportFinished { source: key(), created: 1, updated: 2, refused: 3 }),
        example(ClockJumped { seconds: 90 }),
    ]
}

fn notifications() -> Vec<Example> {
    let (notification, recipient, ticket) = (NotificationId(ID), UserId(ID), Some(TicketId(ID)));
    let states = State::ALL.iter().map(|state| NotificationEvent::StateChanged {
        notification,
        recipient,
        ticket,
        state: *state,
    });
    let other = [
        NotificationEvent::Decided { notification, recipient, ticket, cause: Cause::Assigned },
        NotificationEvent::TerminalChanged { user: recipient, channel: Channel::Email },
    ];
    states.chain(other).map(example).collect()
}

fn cards() -> Vec<Example> {
    let (card, version) = (CardId(ID), 2);
    let events = [
        KnowledgeEvent::CardExtracted { card, team: Some(TeamId(ID)), cases: 5 },
        KnowledgeEvent::CardCreated { card, text_digest: String::new() },
        KnowledgeEvent::CardEdited { card, version, text_digest: String::new() },
        KnowledgeEvent::CardReviewed { card, version },
        KnowledgeEvent::CardPublished { card, version },
        KnowledgeEvent::CardRetired { card },
    ];
    events.into_iter().map(example).collect()
}

fn systems() -> Vec<Example> {
    let (system, correction, ticket) = (SystemId(ID), CorrectionId(ID), TicketId(ID));
    let text = || "ERP".to_owned();
    let events = [
        HubEvent::SystemSaved { system, key: text(), fields: vec![text()] },
        HubEvent::WebhookSecretRotated { system },
        HubEvent::SystemDisabled { system, key: text(), because: text() },
        HubEvent::UnknownWord { system, key: text(), word: text() },
        HubEvent::CorrectionDue { system, correction, ticket },
        HubEvent::CorrectionDead { system, correction, ticket },
        HubEvent::CorrectionReplayed { system, correction, ticket },
    ];
    events.into_iter().map(example).collect()
}

fn gateways() -> Vec<Example> {
    let (submission, gateway, credential, owner) = (SubmissionId(ID), Gateway::Wecom, CredentialId(ID), UserId(ID));
    let key = || "ERP".to_owned();
    let intake = [
        IntakeEvent::Quarantined { submission, gateway, reason: Reason::Malformed },
        IntakeEvent::Released { submission, gateway, ticket: Some(TicketId(ID)), held_secs: 60 },
        IntakeEvent::Dismissed { submission: Some(submission), gateway, submissions: 1 },
        IntakeEvent::Full { gateway },
        IntakeEvent::CanaryLost { gateway },
        IntakeEvent::Silent { gateway, since: Timestamp::from_millis(0) },
    ];
    let credentials = [
        CredentialEvent::Saved { credential, key: key(), owner: Some(owner), fields: vec![key()] },
        CredentialEvent::Rotated { credential, key: key(), owner, overlap_secs: 60 },
        CredentialEvent::Failing { credential, key: key(), owner },
        CredentialEvent::Recovered { credential, key: key() },
        CredentialEvent::Expiring { credential, key: key(), owner, days: 7 },
    ];
    intake.into_iter().map(example).chain(credentials.into_iter().map(example)).collect()
}

/// One event of each kind.
fn examples() -> Vec<Example> {
    let mut all: Vec<Example> = facts().into_iter().map(|fact| example(ticket_event(fact))).collect();
    for more in [people(), rules(), notifications(), cards(), systems(), gateways()] {
        all.extend(more);
    }
    all
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The kinds in the sources: the string literals of every `fn kind`, and the variants of every `TicketFact`.
fn kinds_in_sources() -> BTreeSet<String> {
    let mut kinds = BTreeSet::new();
    let mut folders = vec![root().join("domain/src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            for body in text.split("fn kind(&self) -> &").skip(1) {
                let body = body.split("\n    }\n").next().unwrap();
                kinds.extend(body.split('"').skip(1).step_by(2).map(str::to_owned));
            }
            for implemented in text.split("\nimpl TicketFact for ").skip(1) {
                let name = implemented.split(' ').next().unwrap();
                let variants =
                    text.split(&format!("pub enum {name} {{\n")).nth(1).unwrap().split("\n}\n").next().unwrap();
                let variants = variants.lines().filter_map(|line| line.strip_prefix("    "));
                let variants = variants.filter(|line| line.starts_with(char::is_uppercase));
                let names = variants.map(|line| line.split([' ', ',']).next().unwrap());
                kinds.extend(names.map(|name| format!("Ticket{name}")));
            }
        }
    }
    kinds
}

#[test]
fn no_two_capabilities_use_one_name_for_their_facts() {
    let of_capabilities = MODULES.extensions::<FactType>().flat_map(|facts| facts.names);
    let own = facts().into_iter().filter(|fact| !matches!(fact, Fact::Other(_)));
    let mut names = BTreeSet::new();
    for kind in of_capabilities.map(|name| format!("Ticket{name}")).chain(own.map(|fact| fact.kind().to_owned())) {
        assert!(names.insert(kind.clone()), "{kind} is listed twice: rename one of the variants");
    }
    let made: BTreeSet<String> = facts().iter().map(|fact| fact.kind().to_owned()).collect();
    assert_eq!(names, made, "the names of the types of facts in MODULES, and the examples of this test");
}

#[test]
fn a_stored_fact_reads_back_as_what_it_is() {
    for fact in facts() {
        let event = ticket_event(fact);
        let stored = MODULES.decode(&event::encode(&event)).unwrap();
        assert_eq!(stored.get::<TicketEvent>(), Some(&event));
    }
    let payload = event::encode(&ticket_event(SlaFact::SlaRisk { metric: SlaMetric::Resolution }.into()));
    let fact = r#""fact":{"SlaRisk":{"metric":"RESOLUTION"}}"#;
    assert!(payload.contains(fact), "{payload}");
    for unknown in [r#""Other""#, r#"{"SlaRisk":{"metric":"Other"}}"#, r#"{"SlaRisk":{}}"#, r#"{"Assigned":{}}"#] {
        let payload = payload.replace(fact, &format!(r#""fact":{unknown}"#));
        assert!(MODULES.decode(&payload).is_err(), "{payload}");
    }
}

/// A row of the tables of docs/events.md: subject, audience, fields.
type Documented = (String, String, BTreeSet<String>);

fn documented() -> BTreeMap<String, Documented> {
    let page = fs::read_to_string(root().join("docs/events.md")).unwrap();
    let rows = page.lines().filter_map(|line| {
        let cells: Vec<&str> = line.strip_prefix("| ")?.split(" | ").collect();
        let [kind, subject, audience, _, fields] = cells[..] else { return None };
        let kind = kind.strip_prefix('`')?.strip_suffix('`')?;
        // Every second piece is code; a field's name is followed by a colon.
        let pieces: Vec<&str> = fields.split('`').collect();
        let names = pieces.windows(2).skip(1).step_by(2).filter(|pair| pair[1].starts_with(": "));
        let names = names.map(|pair| pair[0].to_owned()).collect();
        Some((kind.to_owned(), (subject.to_owned(), audience.to_owned(), names)))
    });
    rows.collect()
}

#[test]
fn the_page_describes_every_event() {
    let (examples, documented, in_sources) = (examples(), documented(), kinds_in_sources());
    let made: BTreeSet<String> = examples.iter().map(|example| example.kind.clone()).collect();
    assert_eq!(made, in_sources, "examples of this test, and kinds in domain/src: add an example");
    let listed: BTreeSet<String> = documented.keys().cloned().collect();
    assert_eq!(listed, in_sources, "rows of docs/events.md, and kinds in domain/src: add a row");
    let tags: BTreeSet<&str> = examples.iter().map(|example| example.tag).collect();
    let known: BTreeSet<&str> = MODULES.0.iter().flat_map(|module| module.events).map(|event| event.tag).collect();
    assert_eq!(tags, known, "types of the examples, and of the modules");

    let mut faults = Vec::new();
    for Example { kind, subject, audience, tag, data } in examples {
        let (in_page, seen_by, fields) = &documented[&kind];
        let own = data.as_object().unwrap().keys().map(String::as_str);
        let own: BTreeSet<&str> =
            own.filter(|name| tag != TicketEvent::TAG || !OF_EVERY_TICKET.contains(name)).collect();
        let fields: BTreeSet<&str> = fields.iter().map(String::as_str).collect();
        if in_page != subject || !seen_by.starts_with(audience) || fields != own {
            faults
                .push(format!("{kind}: {subject}, {audience}, {own:?}; the page has {in_page}, {seen_by}, {fields:?}"));
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn fields_are_named_as_in_the_api() {
    let reference = ExternalRef { system: "ERP".into(), external_id: "7".into() };
    let linked = ticket_event(Fact::Linked { reference, moved_from: None });
    let data = AnyEvent::new(TicketEvent { before: None, history: Some(History { operator: None }), ..linked }).data();
    let id = ID.to_string();
    let after = json!({ "status": "ASSIGNED", "priority": "HIGH", "team": id, "assignee": id, "requester": id,
        "customer": id, "product": "ROUTER", "issueType": "REPAIR" });
    let expected = json!({ "ticket": id, "reference": { "system": "ERP", "externalId": "7" }, "after": after,
        "firstResponse": true, "reported": true, "history": { "operator": null } });
    assert_eq!(data, expected);
    let silent = IntakeEvent::Silent { gateway: Gateway::Web, since: Timestamp::from_millis(1_500) };
    assert_eq!(AnyEvent::new(silent).data(), json!({ "gateway": "web", "since": "1970-01-01T00:00:01.5Z" }));
}

fn names(value: &Value) -> BTreeSet<&String> {
    value.as_object().unwrap().keys().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_the_log_has_the_shape_of_the_page_and_contains_no_text() {
    const TEXT: &str = "Pump 7 leaks";
    let desk = Desk::start().await;
    let id = desk.create_ticket("requester1", TEXT, json!({ "issueType": "REPAIR" })).await;
    let agent = desk.as_("agent1").await;
    agent.mutate_ok("acceptTicket", "__typename", json!({ "ticketId": id })).await;
    let comment = json!({ "ticketId": id, "body": TEXT, "visibility": "INTERNAL" });
    agent.mutate_ok("addComment", "__typename", comment).await;
    agent.mutate_ok("setWaiting", "__typename", json!({ "ticketId": id, "reason": TEXT })).await;
    agent.mutate_ok("resumeTicket", "__typename", json!({ "ticketId": id })).await;
    let resolution = json!({ "ticketId": id, "attribution": attribution(TEXT) });
    agent.mutate_ok("resolveTicket", "__typename", resolution).await;
    desk.wait_for_followers().await;

    let page = fs::read_to_string(root().join("docs/events.md")).unwrap();
    let shape = page.split("```json").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let shape: Value = serde_json::from_str(shape).unwrap();
    let rows = log::read(&desk.app, Cursor::START, 1_000).await.unwrap();
    for row in &rows {
        let event = row.to_public(&desk.app.log_epoch);
        assert_eq!(names(&event), names(&shape));
        assert_eq!(names(&event["subject"]), names(&shape["subject"]));
        assert_eq!(names(&event["actor"]), names(&shape["actor"]));
        assert!(!event.to_string().contains(TEXT), "{event}");
    }
    let created = rows.iter().find(|row| row.kind == "TicketCreated").unwrap();
    let public = created.to_public(&desk.app.log_epoch);
    let requester = desk.id("requester1").to_string();
    assert_eq!(public["actor"], json!({ "id": requester, "side": "REQUESTER" }));
    assert_eq!(public["subject"]["kind"], "ticket");
    assert_eq!(public["data"]["after"]["status"], "NEW");
    assert_eq!(public["at"], tests::start_time().to_string());
    let cursor = Cursor::decode(public["cursor"].as_str().unwrap(), &desk.app.log_epoch).unwrap();
    assert_eq!(cursor, Some(created.cursor));
    desk.close().await;
}
