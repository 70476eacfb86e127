//! Conversion between rows and models.

use super::entities::{Keys, attribution, ticket};
use crate::runtime::row::row;
use crate::tickets::model::{
    Assignment, Attribution, AttributionDetails, Closing, PendingReport, SourceHistory, Ticket, TicketCounts,
    TicketRequest, TicketTimes,
};

row! {
    ticket::Model => Ticket { id, number, token, version, status, waiting_reason }
    group request: TicketRequest {
        title, description, priority, issue_type, product, product_recognised_by, device, required_skills, channel,
        imported, confidential;
        requester = requester_id, customer = customer_id
    }
    group assignment: Assignment { accepted; assignee = assignee_id, team = team_id }
    group times: TicketTimes {
        created_at, updated_at, public_updated_at, first_opened_at, first_opened_by, first_responded_at,
        no_response_marked_at, asked_at
    }
    group counts: TicketCounts { ; reopenings = reopen_count, hand_overs = hand_over_count, chases = chase_count }
    group closing: Closing {
        resolved_at, closed_at, cancel_reason, merged_into, first_resolved_at, first_resolution_hand_overs,
        first_reopened_at
    }
    group history: SourceHistory {
        response_unknown, resolution_unknown; incomplete = history_incomplete, merged = merged_in_source
    }
    optional pending: PendingReport {
        status = pending_status, system = pending_system, since = pending_since, needs = pending_needs
    }
    not in the model: revision = 0
}

row! {
    attribution::Model => Attribution { at; ticket = ticket_id, by = by_id }
    group details: AttributionDetails { fault_type, root_cause_level, cause_tag, solution_tags, resolution }
}

impl From<Vec<String>> for Keys {
    fn from(keys: Vec<String>) -> Self {
        Self(serde_json::to_string(&keys).expect("strings are JSON"))
    }
}

impl From<Keys> for Vec<String> {
    fn from(keys: Keys) -> Self {
        serde_json::from_str(&keys.0).unwrap_or_default()
    }
}
