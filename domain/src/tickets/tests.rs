//! Tables of the life-cycle and of rights.

use std::sync::Arc;

use super::decide::hand_over::is_hand_over;
use super::decide::lifecycle::{self, Assignee, Decision, status_allows};
use super::decide::references::{Claim, claim};
use super::decide::rights::{allowed_actions, may};
use super::decide::sync_status::{Step, next_step};
use super::model::{
    Action, Assignment, AttributionDetails, ExternalRef, Fact, FaultType, ParticipantReason, RootCauseLevel, Ticket,
    TicketRequest, TicketStatus, Visibility,
};
use crate::kernel::{Actor, Code, CommentId, CustomerId, Person, Refusal, Role, TeamId, TicketId, Timestamp, UserId};
use crate::runtime::Side;

const THEN: Timestamp = Timestamp::from_millis(1_000);
const NOW: Timestamp = Timestamp::from_millis(9_000);

const REQUESTER: u128 = 1;
const COLLEAGUE: u128 = 2;
const ASSIGNEE: u128 = 3;
const AGENT: u128 = 4;
const SUPERVISOR: u128 = 5;
const ADMIN: u128 = 6;
const MANAGER: u128 = 7;
const STRANGER: u128 = 8;
const OURS: u128 = 100;

fn user(n: u128) -> UserId {
    UserId(uuid::Uuid::from_u128(n))
}

fn customer(n: u128) -> CustomerId {
    CustomerId(uuid::Uuid::from_u128(n))
}

fn actor(n: u128) -> Actor {
    let (role, belongs) = match n {
        REQUESTER | COLLEAGUE => (Role::Requester, Some(customer(OURS))),
        STRANGER => (Role::Requester, Some(customer(OURS + 1))),
        ASSIGNEE | AGENT => (Role::Agent, None),
        SUPERVISOR => (Role::Supervisor, None),
        MANAGER => (Role::ProductManager, None),
        _ => (Role::Admin, None),
    };
    Actor::Person(Arc::new(Person {
        id: user(n),
        roles: vec![role],
        teams: Vec::new(),
        supervised_teams: Vec::new(),
        supervised: Vec::new(),
        customer: belongs,
        products: Vec::new(),
        session: None,
        api_key: None,
    }))
}

/// A ticket in this status: unassigned while NEW, accepted once work has begun.
fn ticket(status: TicketStatus) -> Ticket {
    let is_new = status == TicketStatus::New;
    let request = TicketRequest {
        requester: Some(user(REQUESTER)),
        customer: Some(customer(OURS)),
        ..TicketRequest::new("t".into(), "d".into(), "web")
    };
    let mut ticket = Ticket::new(TicketId(uuid::Uuid::nil()), 1, String::new(), request, THEN);
    ticket.status = status;
    ticket.assignment.assignee = (!is_new).then(|| user(ASSIGNEE));
    ticket.assignment.accepted = !is_new && status != TicketStatus::Assigned;
    ticket.closing.resolved_at = status.is_solved().then_some(THEN);
    ticket.closing.closed_at = (status == TicketStatus::Closed).then_some(THEN);
    ticket.waiting_reason = (status == TicketStatus::Waiting).then(|| "parts".into());
    ticket
}

fn given() -> AttributionDetails {
    AttributionDetails {
        fault_type: FaultType::Hardware,
        root_cause_level: RootCauseLevel::L2Environment,
        cause_tag: None,
        solution_tags: vec!["RESTART".into()],
        resolution: "restarted".into(),
    }
}

fn comment_id() -> CommentId {
    CommentId(uuid::Uuid::from_u128(50))
}

fn to(n: u128) -> Assignee {
    Assignee { id: user(n), is_staff: true, is_enabled: true, team: None }
}

/// Performs the action; `None` if it changes nothing.
fn act(action: Action, who: &Actor, ticket: &Ticket) -> Result<Option<Decision>, Refusal> {
    let changes = lifecycle::Changes { title: Some("new".into()), ..Default::default() };
    let activity = |fact| lifecycle::record_activity(ticket, who, NOW, action, fact).map(Some);
    let comment = |visibility| lifecycle::comment(ticket, who, NOW, comment_id(), "c", visibility).map(Some);
    match action {
        Action::Assign => lifecycle::assign(ticket, who, NOW, &to(AGENT)),
        Action::Accept => lifecycle::accept(ticket, who, NOW, None).map(Some),
        Action::SetWaiting => lifecycle::set_waiting(ticket, who, NOW, "parts").map(Some),
        Action::Resume => lifecycle::resume(ticket, who, NOW).map(Some),
        Action::Resolve => lifecycle::resolve(ticket, who, NOW, &given()).map(Some),
        Action::Attribute => lifecycle::attribute(ticket, who, NOW, &given()).map(Some),
        Action::Close => lifecycle::close(ticket, who, NOW).map(Some),
        Action::Reopen => lifecycle::reopen(ticket, who, NOW, None).map(Some),
        Action::Cancel => lifecycle::cancel(ticket, who, NOW, "twice").map(Some),
        Action::Chase => lifecycle::chase(ticket, who, NOW).map(Some),
        Action::Open => lifecycle::open(ticket, who, NOW, false),
        Action::Comment => comment(Visibility::Public),
        Action::CommentInternally => comment(Visibility::Internal),
        Action::Update => lifecycle::update(ticket, who, NOW, &changes),
        Action::Link | Action::Follow | Action::Cite | Action::Rate => {
            activity(Fact::ParticipantAdded { user: user(AGENT), reason: ParticipantReason::Follower })
        }
    }
}

const ACTIONS: [Action; 18] = [
    Action::Assign,
    Action::Accept,
    Action::SetWaiting,
    Action::Resume,
    Action::Resolve,
    Action::Attribute,
    Action::Close,
    Action::Reopen,
    Action::Cancel,
    Action::Chase,
    Action::Open,
    Action::Comment,
    Action::CommentInternally,
    Action::Update,
    Action::Link,
    Action::Follow,
    Action::Cite,
    Action::Rate,
];

/// Renders a table from the code, and compares it with the expected one.
fn check(columns: &[&str], expected: &str, cell: impl Fn(Action, usize) -> String) {
    let mut rows: Vec<Vec<String>> =
        vec![std::iter::once("").chain(columns.iter().copied()).map(str::to_owned).collect()];
    for action in ACTIONS {
        let cells = (0..columns.len()).map(|column| cell(action, column));
        rows.push(std::iter::once(format!("{action:?}")).chain(cells).collect());
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..=columns.len()).map(width).collect();
    let drawn: Vec<String> = rows
        .iter()
        .map(|row| {
            let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            cells.join(" ").trim_end().to_owned()
        })
        .collect();
    let expected: Vec<&str> = expected.lines().skip(1).map(str::trim_end).collect();
    assert!(drawn == expected, "the table is now:\n{}\n", drawn.join("\n"));
}

#[test]
fn every_action_in_every_status() {
    // The status after the action of an administrator; · is refused, = leaves the status unchanged.
    const TABLE: &str = "
                  NEW         ASSIGNED    IN_PROGRESS WAITING     RESOLVED    CLOSED      CANCELLED
Assign            ASSIGNED    =           ASSIGNED    =           ·           ·           ·
Accept            IN_PROGRESS IN_PROGRESS ·           ·           ·           ·           ·
SetWaiting        ·           ·           WAITING     ·           ·           ·           ·
Resume            ·           ·           ·           IN_PROGRESS ·           ·           ·
Resolve           ·           ·           RESOLVED    RESOLVED    ·           ·           ·
Attribute         ·           ·           ·           ·           =           =           ·
Close             ·           ·           ·           ·           CLOSED      ·           ·
Reopen            ·           ·           ·           ·           IN_PROGRESS IN_PROGRESS ·
Cancel            CANCELLED   CANCELLED   CANCELLED   CANCELLED   ·           ·           ·
Chase             =           =           =           =           ·           ·           ·
Open              =           =           =           =           =           =           =
Comment           =           =           =           =           =           =           =
CommentInternally =           =           =           =           =           =           =
Update            =           =           =           =           =           =           =
Link              =           =           =           =           =           =           =
Follow            =           =           =           =           =           =           =
Cite              =           =           =           =           =           ·           ·
Rate              ·           ·           ·           ·           =           =           ·";
    let columns: Vec<&str> = TicketStatus::ALL.iter().map(|status| status.as_str()).collect();
    check(&columns, TABLE, |action, column| {
        let before = ticket(TicketStatus::ALL[column]);
        // Only the requester's side rates a ticket.
        let who = if action == Action::Rate { REQUESTER } else { ADMIN };
        match act(action, &actor(who), &before) {
            Ok(Some(Decision { next, facts, .. })) => {
                assert!(!facts.is_empty(), "{action:?} changes a ticket without an event");
                assert_eq!(next.version, before.version, "only the store raises the version");
                if next.status == before.status { "=".to_owned() } else { next.status.as_str().to_owned() }
            }
            Ok(None) => panic!("{action:?} did nothing"),
            Err(refusal) => {
                assert_eq!(refusal.code, Code::InvalidTransition);
                assert!(!status_allows(action, &before));
                "·".to_owned()
            }
        }
    });
}

#[test]
fn who_may_do_what() {
    // On an assigned ticket, and on an unassigned one (the last three columns).
    const TABLE: &str = "
                  assignee agent supervisor admin manager requester colleague stranger | agent-free requester-free manager-free
Assign            yes      ·     yes        yes   ·       ·         ·         ·        | yes        ·              ·
Accept            yes      ·     yes        yes   ·       ·         ·         ·        | yes        ·              ·
SetWaiting        yes      ·     yes        yes   ·       ·         ·         ·        | ·          ·              ·
Resume            yes      ·     yes        yes   ·       ·         ·         ·        | ·          ·              ·
Resolve           yes      ·     yes        yes   ·       ·         ·         ·        | ·          ·              ·
Attribute         yes      ·     yes        yes   ·       ·         ·         ·        | ·          ·              ·
Close             yes      ·     yes        yes   ·       yes       yes       ·        | ·          yes            ·
Reopen            yes      yes   yes        yes   ·       yes       yes       ·        | yes        yes            ·
Cancel            yes      ·     yes        yes   ·       yes       yes       ·        | yes        yes            ·
Chase             yes      yes   yes        yes   ·       yes       yes       ·        | yes        yes            ·
Open              yes      yes   yes        yes   ·       yes       yes       ·        | yes        yes            ·
Comment           yes      yes   yes        yes   ·       yes       yes       ·        | yes        yes            ·
CommentInternally yes      yes   yes        yes   ·       ·         ·         ·        | yes        ·              ·
Update            yes      yes   yes        yes   ·       ·         ·         ·        | yes        ·              ·
Link              yes      yes   yes        yes   ·       ·         ·         ·        | yes        ·              ·
Follow            yes      yes   yes        yes   ·       ·         ·         ·        | yes        ·              ·
Cite              yes      yes   yes        yes   ·       ·         ·         ·        | yes        ·              ·
Rate              ·        ·     ·          ·     ·       yes       yes       ·        | ·          yes            ·";
    const WHO: [(&str, u128, TicketStatus); 12] = [
        ("assignee", ASSIGNEE, TicketStatus::InProgress),
        ("agent", AGENT, TicketStatus::InProgress),
        ("supervisor", SUPERVISOR, TicketStatus::InProgress),
        ("admin", ADMIN, TicketStatus::InProgress),
        ("manager", MANAGER, TicketStatus::InProgress),
        ("requester", REQUESTER, TicketStatus::InProgress),
        ("colleague", COLLEAGUE, TicketStatus::InProgress),
        ("stranger", STRANGER, TicketStatus::InProgress),
        ("|", 0, TicketStatus::New),
        ("agent-free", AGENT, TicketStatus::New),
        ("requester-free", REQUESTER, TicketStatus::New),
        ("manager-free", MANAGER, TicketStatus::New),
    ];
    check(&WHO.map(|(name, ..)| name), TABLE, |action, column| {
        let (name, who, status) = WHO[column];
        if name == "|" {
            return name.to_owned();
        }
        match may(&actor(who), action, &ticket(status)) {
            Ok(()) => "yes".to_owned(),
            Err(refusal) => {
                assert_eq!(refusal.code, Code::Forbidden);
                "·".to_owned()
            }
        }
    });
}

#[test]
fn allowed_actions_are_exactly_the_accepted_ones() {
    for who in [REQUESTER, COLLEAGUE, ASSIGNEE, AGENT, SUPERVISOR, ADMIN, MANAGER, STRANGER].map(actor) {
        for status in TicketStatus::ALL {
            let ticket = ticket(*status);
            let offered = allowed_actions(&who, &ticket);
            for action in ACTIONS {
                let accepted = act(action, &who, &ticket).is_ok();
                assert_eq!(offered.contains(&action), accepted, "{action:?} on {status:?} by {who:?}");
            }
        }
    }
}

#[test]
fn the_first_action_of_staff_is_the_first_response() {
    const RESPONSES: [Action; 8] = [
        Action::Accept,
        Action::SetWaiting,
        Action::Resolve,
        Action::Comment,
        Action::CommentInternally,
        Action::Cancel,
        Action::Close,
        Action::Reopen,
    ];
    for action in ACTIONS {
        for status in TicketStatus::ALL {
            let before = ticket(*status);
            for who in [ASSIGNEE, SUPERVISOR, REQUESTER, COLLEAGUE] {
                let Ok(Some(Decision { next, .. })) = act(action, &actor(who), &before) else { continue };
                let staff = who == ASSIGNEE || who == SUPERVISOR;
                // Handing over one's own ticket counts as a response; assigning another person's does not.
                let counts = RESPONSES.contains(&action)
                    || action == Action::Resume
                    || (action == Action::Assign
                        && who == ASSIGNEE
                        && before.assignment.assignee == Some(user(ASSIGNEE)));
                let expected = (staff && counts).then_some(NOW);
                assert_eq!(next.times.first_responded_at, expected, "{action:?} on {status:?} by {who}");
                // It never changes later.
                let mut answered = before.clone();
                answered.times.first_responded_at = Some(THEN);
                let again = act(action, &actor(who), &answered).unwrap().unwrap();
                assert_eq!(again.next.times.first_responded_at, Some(THEN));
            }
        }
    }
}

#[test]
fn reassigning_an_accepted_ticket_is_a_hand_over() {
    for (status, expected) in
        [(TicketStatus::New, 0), (TicketStatus::Assigned, 0), (TicketStatus::InProgress, 1), (TicketStatus::Waiting, 1)]
    {
        let Decision { next, facts, participants } =
            lifecycle::assign(&ticket(status), &actor(SUPERVISOR), NOW, &to(AGENT)).unwrap().unwrap();
        assert_eq!(next.counts.hand_overs, expected, "{status:?}");
        assert_eq!(facts, [Fact::Assigned { hand_over: expected == 1 }]);
        // The earlier owner still sees it.
        let earlier: Vec<UserId> = participants.iter().map(|(user, _)| *user).collect();
        assert_eq!(earlier, if status == TicketStatus::New { vec![] } else { vec![user(ASSIGNEE)] });
    }
}

#[test]
fn a_hand_over_is_another_person_or_team_after_acceptance_and_before_the_first_resolution() {
    let team = |n: u128| Some(TeamId(uuid::Uuid::from_u128(n)));
    let of = |assignee: Option<u128>, of_team: Option<u128>, accepted| Assignment {
        assignee: assignee.map(user),
        team: of_team.and_then(team),
        accepted,
    };
    for (before, resolved, next, expected) in [
        (of(Some(1), None, true), false, of(Some(2), None, true), true),
        (of(Some(1), Some(1), true), false, of(Some(1), Some(2), true), true),
        (of(Some(1), Some(1), true), false, of(Some(2), Some(2), true), true),
        (of(Some(1), Some(1), true), false, of(Some(1), Some(1), true), false),
        // A blank is no change.
        (of(None, Some(1), true), false, of(Some(2), Some(1), true), false),
        (of(Some(1), None, true), false, of(Some(1), Some(2), true), false),
        (of(Some(1), Some(1), true), false, of(None, None, true), false),
        // Before acceptance, and after the first resolution.
        (of(Some(1), None, false), false, of(Some(2), None, false), false),
        (of(Some(1), None, true), true, of(Some(2), None, true), false),
    ] {
        let mut ticket = ticket(TicketStatus::InProgress);
        ticket.assignment = before;
        ticket.closing.first_resolved_at = resolved.then_some(THEN);
        assert_eq!(is_hand_over(&ticket, &next), expected, "{before:?} {resolved} {next:?}");
    }
}

#[test]
fn each_change_after_acceptance_is_a_hand_over() {
    // Accepted by one agent, then passed on twice, taken over by the supervisor, and moved to another team.
    let other = Assignee { team: Some(TeamId(uuid::Uuid::from_u128(7))), ..to(AGENT) };
    let assigned =
        |ticket: &Ticket, to: &Assignee| lifecycle::assign(ticket, &actor(SUPERVISOR), NOW, to).unwrap().unwrap().next;
    let ticket = assigned(&assigned(&ticket(TicketStatus::InProgress), &other), &to(ASSIGNEE));
    assert_eq!((ticket.counts.hand_overs, ticket.status), (2, TicketStatus::Assigned));
    let ticket = lifecycle::accept(&ticket, &actor(SUPERVISOR), NOW, None).unwrap().next;
    assert_eq!(ticket.counts.hand_overs, 3);
    let moved = lifecycle::Changes { team: Some(TeamId(uuid::Uuid::from_u128(8))), ..Default::default() };
    let mut ticket = lifecycle::update(&ticket, &actor(SUPERVISOR), NOW, &moved).unwrap().unwrap().next;
    assert_eq!(ticket.counts.hand_overs, 4);
    // A reported status that sets the ticket back does not undo the acceptance.
    ticket.counts.hand_overs = 0;
    let Step::Apply(back) = next_step(&ticket, TicketStatus::Assigned, NOW, NOW, None, "") else { panic!("no step") };
    assert_eq!(assigned(&back.next, &other).counts.hand_overs, 1);
}

#[test]
fn only_enabled_staff_can_be_assigned() {
    let refused = |assignee: &Assignee| {
        lifecycle::assign(&ticket(TicketStatus::InProgress), &actor(SUPERVISOR), NOW, assignee).unwrap_err()
    };
    for assignee in [Assignee { is_staff: false, ..to(AGENT) }, Assignee { is_enabled: false, ..to(AGENT) }] {
        let refusal = refused(&assignee);
        assert_eq!((refusal.code, refusal.field), (Code::Invalid, vec!["assigneeId".to_owned()]));
    }
}

#[test]
fn assigning_a_ticket_to_whoever_has_it_changes_nothing() {
    for status in [TicketStatus::Assigned, TicketStatus::InProgress, TicketStatus::Waiting] {
        assert_eq!(lifecycle::assign(&ticket(status), &actor(SUPERVISOR), NOW, &to(ASSIGNEE)), Ok(None), "{status:?}");
    }
    let refusal = lifecycle::assign(&ticket(TicketStatus::Closed), &actor(SUPERVISOR), NOW, &to(ASSIGNEE)).unwrap_err();
    assert_eq!(refusal.code, Code::InvalidTransition);
}

#[test]
fn giving_the_product_that_was_recognised_confirms_it() {
    let mut recognised = ticket(TicketStatus::New);
    recognised.request.product = Some("PM".to_owned());
    recognised.request.product_recognised_by = Some("PM-3300".to_owned());
    let update = |ticket: &Ticket, product: Option<&str>, title: &str| {
        let changes = lifecycle::Changes {
            product: product.map(str::to_owned),
            title: Some(title.to_owned()),
            ..lifecycle::Changes::default()
        };
        lifecycle::update(ticket, &actor(SUPERVISOR), NOW, &changes).unwrap()
    };
    for (product, title, fields, by) in [
        (Some("PM"), "t", vec!["product"], None),
        (Some("VF"), "t", vec!["product"], None),
        (None, "new", vec!["title"], Some("PM-3300")),
    ] {
        let Decision { next, facts, .. } = update(&recognised, product, title).unwrap();
        assert_eq!(facts, [Fact::Updated { fields: fields.into_iter().map(str::to_owned).collect() }]);
        assert_eq!(next.request.product_recognised_by.as_deref(), by, "{product:?}");
    }
    recognised.request.product_recognised_by = None;
    assert_eq!(update(&recognised, Some("PM"), "t"), None);
}

#[test]
fn resolving_requires_a_complete_attribution() {
    let progress = ticket(TicketStatus::InProgress);
    for (attribution, field) in [
        (AttributionDetails { solution_tags: vec![], ..given() }, "solutionTags"),
        (AttributionDetails { resolution: " \n\u{3000}".into(), ..given() }, "resolution"),
    ] {
        for who in [ASSIGNEE, SUPERVISOR, ADMIN].map(actor).iter().chain([&Actor::System]) {
            let refusal = lifecycle::resolve(&progress, who, NOW, &attribution).unwrap_err();
            assert_eq!(refusal.code, Code::AttributionIncomplete);
            assert_eq!(refusal.field, ["attribution", field]);
        }
    }
    // No other action leads to RESOLVED.
    for action in ACTIONS.into_iter().filter(|action| *action != Action::Resolve) {
        for status in TicketStatus::ALL.iter().filter(|status| **status != TicketStatus::Resolved) {
            if let Ok(Some(decision)) = act(action, &Actor::System, &ticket(*status)) {
                assert_ne!(decision.next.status, TicketStatus::Resolved, "{action:?}");
            }
        }
    }
}

#[test]
fn a_public_comment_of_the_requester_resumes_a_waiting_ticket() {
    let waiting = ticket(TicketStatus::Waiting);
    let answered = act(Action::Comment, &actor(REQUESTER), &waiting).unwrap().unwrap();
    assert_eq!(answered.next.status, TicketStatus::InProgress);
    assert_eq!(answered.next.waiting_reason, None);
    assert_eq!(answered.facts.last(), Some(&Fact::Resumed));
    let noted = act(Action::Comment, &actor(ASSIGNEE), &waiting).unwrap().unwrap();
    assert_eq!(noted.next.status, TicketStatus::Waiting);
}

#[test]
fn reopening_is_counted_and_clears_the_resolution() {
    let closed = ticket(TicketStatus::Closed);
    let Decision { next, .. } = act(Action::Reopen, &actor(REQUESTER), &closed).unwrap().unwrap();
    assert_eq!((next.counts.reopenings, next.closing.resolved_at, next.closing.closed_at), (1, None, None));
}

#[test]
fn internal_activity_does_not_change_the_public_update_time() {
    for action in [Action::CommentInternally, Action::Open, Action::Follow, Action::Attribute] {
        for status in TicketStatus::ALL {
            let before = ticket(*status);
            let Ok(Some(Decision { next, .. })) = act(action, &actor(ASSIGNEE), &before) else { continue };
            assert_eq!(next.times.public_updated_at, before.times.public_updated_at, "{action:?}");
            assert_eq!(next.times.updated_at, NOW);
        }
    }
}

#[test]
fn a_system_wins_over_a_persons_claim_of_its_reference() {
    use Claim::{Person, System};
    let of = |number: &str| ExternalRef { system: "ERP".to_owned(), external_id: number.to_owned() };
    let created = || Fact::Created { text_digest: String::new(), product_recognised: false };
    let linked = |number: &str| Fact::Linked { reference: of(number), moved_from: None };
    let imported = || Fact::Imported { source: "ERP".to_owned() };
    for (events, expected) in [
        (vec![], System),
        (vec![(created(), Side::Staff)], Person),
        (vec![(created(), Side::Requester)], Person),
        (vec![(created(), Side::System)], System),
        (vec![(imported(), Side::System)], System),
        (vec![(created(), Side::System), (linked("7"), Side::Staff)], Person),
        (vec![(created(), Side::Staff), (linked("7"), Side::System)], System),
        // Another number says nothing about this one.
        (vec![(created(), Side::Staff), (linked("8"), Side::System)], Person),
        (vec![(created(), Side::Staff), (linked("7"), Side::System), (linked("7"), Side::Staff)], Person),
    ] {
        let found = claim(events.iter().map(|(fact, side)| (fact, *side)), &of("7"));
        assert_eq!(found, expected, "{events:?}");
    }
    for (claim, held, wins) in
        [(System, Person, true), (System, System, false), (Person, Person, false), (Person, System, false)]
    {
        assert_eq!(claim.wins_over(held), wins, "{claim:?} over {held:?}");
    }
}
