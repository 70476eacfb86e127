//! Who is corrected, what is superseded, what an acknowledgement changes, and which status the ticket gets.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use uuid::Uuid;

use super::super::decide::update_differences;
use super::super::model::{CorrectionState, OpenDifference, Outcome};
use super::{APP, CRM, ERP, Hub, NOON, at, corrected, count, local_change};
use crate::kernel::{CorrectionId, SystemId, TicketId, UserId};
use crate::tickets::model::TicketStatus::{self, Assigned, Closed, InProgress, Resolved, Waiting};
use crate::tickets::model::{Fact, PendingNeeds};

#[test]
fn linking_alone_corrects_nobody() {
    let mut hub = Hub::new();
    hub.local(0, InProgress, false);
    let decision = hub.step(at(1), |sync| sync.join(ERP));
    assert_eq!((decision.joined, decision.issued), (vec![ERP], vec![]));
    let again = hub.step(at(2), |sync| sync.join(ERP));
    assert_eq!((again.joined, again.system_states), (vec![], vec![]));
}

#[test]
fn a_change_of_the_truth_corrects_every_linked_system_that_differs() {
    let mut hub = Hub::linked(&[CRM, ERP, APP]);
    let (outcome, decision) = hub.report(CRM, 10, "IN_PROGRESS");
    assert_eq!(outcome, Outcome::Applied);
    assert_eq!(corrected(&decision), [(ERP, InProgress), (APP, InProgress)]);
    assert_eq!(hub.open(ERP).unwrap().delivery.due_at, Some(at(10)));
    assert_eq!(hub.open(APP).unwrap().delivery.due_at, None, "without an endpoint it waits for a subscription");
}

#[test]
fn a_disabled_endpoint_is_sent_nothing() {
    let mut hub = Hub::linked(&[CRM, ERP]);
    let mut disabled = (*hub.systems[&ERP]).clone();
    disabled.endpoint.disabled_at = Some(NOON);
    hub.systems.insert(ERP, Arc::new(disabled));
    let (_, decision) = hub.report(CRM, 10, "IN_PROGRESS");
    assert_eq!(corrected(&decision), [(ERP, InProgress)]);
    assert_eq!(hub.open(ERP).unwrap().delivery.due_at, None);
}

#[test]
fn a_system_that_reports_something_outdated_is_corrected() {
    let mut hub = Hub::linked(&[CRM]);
    hub.report(CRM, 60, "IN_PROGRESS");
    let (outcome, decision) = hub.report(ERP, 30, "ASSIGNED");
    assert_eq!(outcome, Outcome::Stale);
    assert_eq!(corrected(&decision), [(ERP, InProgress)]);
    assert_eq!(decision.status, None, "the ticket has the status already");
}

#[test]
fn a_correction_is_superseded_when_the_truth_changes() {
    let mut hub = Hub::linked(&[CRM, ERP]);
    hub.report(CRM, 10, "IN_PROGRESS");
    let first = hub.open(ERP).unwrap().id;
    let (_, decision) = hub.report(CRM, 20, "WAITING");
    assert_eq!(corrected(&decision), [(ERP, Waiting)]);
    let first = hub.correction(first);
    assert_eq!((first.state, first.delivery.due_at), (CorrectionState::Superseded, None));
    assert_eq!(hub.open(ERP).unwrap().status, Waiting);
}

#[test]
fn a_correction_stays_when_another_entry_sets_the_same_truth() {
    let mut hub = Hub::linked(&[CRM, ERP]);
    hub.report(CRM, 10, "IN_PROGRESS");
    let first = hub.open(ERP).unwrap().clone();
    // It happened earlier: the truth is IN_PROGRESS by another entry now.
    let (outcome, decision) = hub.report(APP, 5, "IN_PROGRESS");
    assert_eq!((outcome, corrected(&decision)), (Outcome::Agreed, vec![]));
    assert_eq!(hub.open(ERP), Some(&first));
}

#[test]
fn a_system_that_repeats_its_outdated_status_is_corrected_again() {
    let mut hub = Hub::linked(&[CRM]);
    hub.report(CRM, 60, "IN_PROGRESS");
    hub.report(ERP, 30, "ASSIGNED");
    let (outcome, decision) = hub.report(ERP, 40, "ASSIGNED");
    assert_eq!((outcome, corrected(&decision)), (Outcome::Stale, vec![(ERP, InProgress)]));
    assert_eq!(count(&decision, CorrectionState::Superseded), 1);
    // The very same report again changes nothing.
    let (outcome, decision) = hub.report(ERP, 40, "ASSIGNED");
    assert_eq!((outcome, decision.corrections), (Outcome::Duplicate, vec![]));
}

#[test]
fn a_system_that_reaches_the_truth_by_itself_supersedes_its_correction() {
    for state in [CorrectionState::Due, CorrectionState::Dead] {
        let mut hub = Hub::linked(&[CRM, ERP]);
        hub.report(CRM, 10, "IN_PROGRESS");
        let id = hub.open(ERP).unwrap().id;
        hub.correction(id).state = state;
        let (outcome, decision) = hub.report(ERP, 20, "IN_PROGRESS");
        assert_eq!((outcome, corrected(&decision)), (Outcome::Agreed, vec![]));
        assert_eq!(hub.correction(id).state, CorrectionState::Superseded, "{state:?}");
    }
}

#[test]
fn an_unmapped_status_is_corrected_once_there_is_a_truth() {
    let mut hub = Hub::new();
    let (outcome, decision) = hub.report(ERP, 0, "???");
    assert_eq!((outcome, corrected(&decision)), (Outcome::UnmappedStatus, vec![]));
    let (_, decision) = hub.report(CRM, 10, "IN_PROGRESS");
    assert_eq!(corrected(&decision), [(ERP, InProgress)]);
    let (_, decision) = hub.report(ERP, 20, "!!!");
    assert_eq!(corrected(&decision), [(ERP, InProgress)]);
}

#[test]
fn a_status_mapped_later_counts_from_then_on() {
    let mut hub = Hub::new();
    hub.report(CRM, 0, "IN_PROGRESS");
    hub.report(ERP, 10, "erledigt");
    for report in &mut hub.stored.reports {
        report.status = report.status.or(Some(Resolved));
    }
    let reports = hub.stored.reports.clone();
    let decision = hub.step(at(60), |sync| sync.reapply_mapping(&reports));
    assert_eq!(corrected(&decision), [(CRM, Resolved)]);
    assert_eq!(decision.status.map(|reported| (reported.status, reported.system)), Some((Resolved, "ERP".to_owned())));
    assert_eq!(hub.status_of(ERP), Some(Resolved));
    assert_eq!(hub.open(ERP), None);
}

#[test]
fn an_acknowledgement_gives_the_system_the_corrected_status() {
    let mut hub = Hub::linked(&[CRM, ERP]);
    hub.report(CRM, 10, "IN_PROGRESS");
    let id = hub.open(ERP).unwrap().id;
    let (is_new, _) = hub.acknowledge(20, id);
    assert!(is_new);
    let correction = hub.correction(id).clone();
    assert_eq!((correction.state, correction.delivery.due_at), (CorrectionState::Acknowledged, None));
    assert_eq!(correction.acknowledged_at, Some(at(20)));
    assert_eq!((hub.status_of(ERP), hub.state_of(ERP).correction), (Some(InProgress), Some(id)));
    // A second acknowledgement changes nothing.
    let (is_new, decision) = hub.acknowledge(30, id);
    assert!(!is_new && decision.corrections.is_empty() && decision.system_states.is_empty());
    // Nor is the system corrected again for this truth.
    let (_, decision) = hub.report(CRM, 40, "IN_PROGRESS");
    assert_eq!(corrected(&decision), []);
}

#[test]
fn an_acknowledgement_does_not_undo_a_later_report() {
    let mut hub = Hub::linked(&[CRM, ERP]);
    hub.report(CRM, 10, "IN_PROGRESS");
    let id = hub.open(ERP).unwrap().id;
    hub.report(ERP, 20, "WAITING");
    let (is_new, _) = hub.acknowledge(30, id);
    assert!(is_new);
    assert_eq!((hub.status_of(ERP), hub.state_of(ERP).correction), (Some(Waiting), None));
    assert_eq!(hub.correction(id).state, CorrectionState::Superseded, "an acknowledgement opens nothing again");
}

#[test]
fn acknowledgements_count_in_the_order_of_their_corrections() {
    let mut hub = Hub::linked(&[CRM, ERP]);
    hub.report(CRM, 10, "IN_PROGRESS");
    let first = hub.open(ERP).unwrap().id;
    hub.report(CRM, 20, "WAITING");
    let second = hub.open(ERP).unwrap().id;
    hub.acknowledge(30, second);
    hub.acknowledge(31, first);
    assert_eq!((hub.status_of(ERP), hub.state_of(ERP).correction), (Some(Waiting), Some(second)));
    assert_eq!(hub.open(ERP), None);
}

#[test]
fn an_unknown_correction_is_not_acknowledged() {
    let mut hub = Hub::linked(&[CRM, ERP]);
    hub.report(CRM, 10, "IN_PROGRESS");
    let (is_new, decision) = hub.acknowledge(20, CorrectionId(Uuid::nil()));
    assert!(!is_new && decision.corrections.is_empty());
}

#[test]
fn a_change_by_a_person_corrects_all_and_moves_no_ticket() {
    let mut hub = Hub::new();
    // Both clocks are ahead.
    for system in [CRM, ERP] {
        let (outcome, _) = hub.ingest(NOON, system, super::valid("IN_PROGRESS", at(200)));
        outcome.unwrap();
    }
    let decision = hub.local(10, Waiting, false);
    assert_eq!(corrected(&decision), [(CRM, Waiting), (ERP, Waiting)]);
    assert_eq!(decision.status, None);
    assert!(decision.reports[0].at > at(200), "a person's change is never stale");
    assert_eq!(decision.reports[0].outcome, Outcome::Applied);
}

#[test]
fn what_supplies_a_pending_report_is_no_change_of_the_truth() {
    let user = || UserId(Uuid::nil());
    let resolved = || Fact::Resolved { text_digest: String::new() };
    let assigned = || Fact::Assigned { hand_over: false };
    let waiting = || Fact::WaitingSet { text_digest: String::new() };
    let unrelated = || Fact::ParticipantRemoved { user: user() };
    use PendingNeeds::{Assignee, Attribution, Decision};
    for (needs, truth, fact, expected) in [
        (Some(Attribution), Resolved, resolved(), true),
        (Some(Attribution), Closed, resolved(), true),
        (Some(Attribution), Resolved, assigned(), true),
        (Some(Attribution), Resolved, Fact::Accepted, true),
        (Some(Attribution), Resolved, Fact::Resumed, true),
        (Some(Attribution), Resolved, waiting(), false),
        (Some(Attribution), Resolved, Fact::Reopened { comment: None }, false),
        (Some(Attribution), Resolved, unrelated(), false),
        (Some(Assignee), InProgress, assigned(), true),
        (Some(Assignee), InProgress, Fact::Accepted, true),
        // Resolving goes beyond what was reported.
        (Some(Assignee), InProgress, resolved(), false),
        (Some(Decision), Resolved, resolved(), false),
        (Some(Decision), InProgress, assigned(), false),
        (None, Resolved, resolved(), false),
        (None, InProgress, assigned(), false),
    ] {
        let mut hub = Hub::new();
        hub.report(CRM, 0, truth.as_str());
        hub.stored.ticket.pending = needs;
        assert_eq!(hub.load(at(1)).supplies_pending(&fact), expected, "{needs:?} {truth:?} {fact:?}");
    }
}

#[test]
fn the_ticket_moves_where_it_differs_or_has_a_pending_report() {
    let moves = |status: TicketStatus, pending: Option<PendingNeeds>| {
        let mut hub = Hub::new();
        hub.report(CRM, 0, "IN_PROGRESS");
        (hub.stored.ticket.status, hub.stored.ticket.pending) = (status, pending);
        hub.step(at(1), |_| {}).status.map(|reported| (reported.status, reported.at, reported.system))
    };
    let expected = Some((InProgress, at(0), "CRM".to_owned()));
    assert_eq!(moves(InProgress, None), None);
    assert_eq!(moves(Assigned, None), expected);
    assert_eq!(moves(InProgress, Some(PendingNeeds::Assignee)), expected);
    // Nothing has set a truth yet.
    assert_eq!(Hub::new().step(at(1), |sync| sync.join(CRM)).status, None);
}

#[test]
fn reopenings_by_reports_are_counted_for_the_ticket_and_those_made_here_are_not() {
    let mut hub = Hub::new();
    hub.report(CRM, 0, "RESOLVED");
    let (_, decision) = hub.report(ERP, 600, "IN_PROGRESS");
    let reported = decision.status.unwrap();
    assert_eq!((reported.reopenings, reported.reopened_at), (1, Some(at(600))));
    hub.local(700, Resolved, false);
    let decision = hub.local(800, InProgress, true);
    assert_eq!((decision.status, decision.tracked.unwrap().reopenings), (None, 2));
    // A report that arrives late takes a reopening back.
    let (_, decision) = hub.report(APP, 300, "CLOSED");
    assert_eq!(decision.status.unwrap().reopenings, -1);
}

#[test]
fn the_history_of_a_ticket_is_replayed_when_the_hub_begins_to_track_it() {
    let mut hub = Hub::new();
    hub.stored.history = vec![local_change(at(0), Assigned, false), local_change(at(50), InProgress, false)];
    hub.stored.ticket.status = InProgress;
    let (outcome, decision) = hub.report(CRM, 20, "WAITING");
    assert_eq!(outcome, Outcome::Stale);
    assert_eq!(decision.reports.len(), 3);
    assert_eq!(corrected(&decision), [(CRM, InProgress)]);
    assert_eq!(decision.status, None);
    assert_eq!(hub.step(at(60), |_| {}).reports, [], "once");
}

#[test]
fn a_status_that_the_history_does_not_explain_is_added() {
    let mut hub = Hub::new();
    hub.stored.ticket.status = Closed;
    let decision = hub.step(at(1), |sync| sync.join(CRM));
    let [report] = decision.reports.as_slice() else { panic!("{:?}", decision.reports) };
    assert_eq!((report.status, report.by_person, report.at), (Some(Closed), false, NOON));
    assert_eq!(decision.tracked.unwrap().status, Closed);
}

#[test]
fn a_ticket_counts_as_compared_from_the_second_system_on() {
    let mut hub = Hub::linked(&[CRM, ERP, APP]);
    let compared = |hub: &Hub| {
        let tracked = hub.stored.tracked.clone().unwrap();
        (tracked.reporting, tracked.compared_from)
    };
    assert_eq!(compared(&hub), (0, None));
    hub.report(CRM, 10, "ASSIGNED");
    assert_eq!(compared(&hub), (1, None));
    hub.report(ERP, 20, "ASSIGNED");
    assert_eq!(compared(&hub), (2, Some(at(20))));
    hub.report(APP, 30, "ASSIGNED");
    assert_eq!(compared(&hub), (3, Some(at(20))));
    let (_, decision) = hub.report(APP, 40, "ASSIGNED");
    assert_eq!(decision.tracked, None, "a truth that has not changed is not saved again");
}

#[test]
fn two_systems_differ_from_their_first_differing_reports_until_they_agree() {
    let mut hub = Hub::linked(&[APP]);
    let pairs = |hub: &Hub| hub.differences.iter().map(|one| one.pair).collect::<Vec<_>>();
    hub.report(CRM, 0, "ASSIGNED");
    assert_eq!(pairs(&hub), [], "APP is linked and has not reported");
    hub.report(ERP, 10, "IN_PROGRESS");
    assert_eq!(pairs(&hub), [(CRM, ERP)]);
    hub.report(APP, 20, "ASSIGNED");
    assert_eq!(pairs(&hub), [(CRM, ERP), (ERP, APP)]);
    let id = hub.open(ERP).unwrap().id;
    hub.acknowledge(30, id);
    assert_eq!(pairs(&hub), []);
    hub.report(ERP, 40, "???");
    assert_eq!(pairs(&hub), [], "an unmapped status differs from nothing");
}

#[test]
fn a_difference_ends_when_its_pair_no_longer_differs() {
    let open = |n: u128, pair| OpenDifference { id: Uuid::from_u128(n), ticket: TicketId(Uuid::nil()), pair };
    let stored = [open(1, (CRM, ERP)), open(2, (CRM, APP))];
    let of: Vec<&OpenDifference> = stored.iter().collect();
    let differing = BTreeSet::from([(CRM, APP), (ERP, APP)]);
    let (ended, began) = update_differences(&of, differing);
    assert_eq!((ended, began), (vec![Uuid::from_u128(1)], BTreeSet::from([(ERP, APP)])));
}

#[test]
fn a_clock_behind_the_stored_rows_does_not_reorder_them() {
    let mut hub = Hub::linked(&[CRM, ERP]);
    hub.report(CRM, 100, "IN_PROGRESS");
    // Another node, whose clock is behind, supersedes the correction and issues the next one.
    let (_, decision) = hub.ingest(at(40), CRM, super::valid("WAITING", at(110)));
    assert_eq!(decision.reports[0].received_at, at(100));
    assert_eq!(hub.open(ERP).unwrap().created_at, at(100));
}

#[test]
fn every_order_of_arrival_gives_the_same_last_corrections_and_the_same_status() {
    let reports: [(SystemId, u64, &str); 5] = [
        (CRM, 10, "IN_PROGRESS"),
        (ERP, 10, "WAITING"),
        (APP, 40, "RESOLVED"),
        (ERP, 50, "ASSIGNED"),
        (CRM, 30, "CLOSED"),
    ];
    let end = |order: &[usize]| {
        let mut hub = Hub::linked(&[CRM, ERP, APP]);
        for (&index, received) in order.iter().zip(100..) {
            let (system, secs, word) = reports[index];
            let (outcome, _) = hub.ingest(at(received), system, super::valid(word, at(secs)));
            outcome.unwrap();
        }
        let due = [CRM, ERP, APP].into_iter().filter_map(|system| {
            let open = hub.open(system)?;
            Some((system, (open.status, open.cause.clone())))
        });
        (hub.stored.ticket.status, due.collect::<BTreeMap<_, _>>(), hub.differences.len())
    };
    let (status, due, _) = end(&[0, 1, 2, 3, 4]);
    assert_eq!(status, Closed);
    assert_eq!(due.keys().copied().collect::<Vec<_>>(), [ERP, APP]);
    for order in super::status_fold::permutations(&[0, 1, 2, 3, 4]) {
        assert_eq!(end(&order), end(&[0, 1, 2, 3, 4]), "{order:?}");
    }
}

#[test]
fn a_system_that_is_only_linked_leaves_with_its_reference() {
    let mut hub = Hub::linked(&[CRM, ERP]);
    hub.report(CRM, 10, "IN_PROGRESS");
    let due = hub.open(ERP).unwrap().id;
    let decision = hub.step(at(20), |sync| sync.leave(ERP));
    assert_eq!((decision.left, hub.stored.system_states.len()), (vec![ERP], 1));
    assert_eq!(hub.correction(due).state, CorrectionState::Superseded);
    let (_, decision) = hub.report(CRM, 30, "WAITING");
    assert_eq!(corrected(&decision), [], "it is not corrected any more");
    // One that has reported the ticket stays, and one that does not take part leaves nothing.
    for system in [CRM, APP] {
        assert_eq!(hub.step(at(40), |sync| sync.leave(system)).left, []);
    }
}
