//! A ticket as a row, and a row as a ticket: every field is named, so that none is forgotten.

use sea_orm::DbErr;

use super::entities::ticket;
use crate::kernel::Timestamp;
use crate::tickets::model::{Needs, PendingReport, Priority, Ticket, TicketStatus};

pub(super) fn broken(what: &str, word: &str) -> DbErr {
    DbErr::Type(format!("{what}: {word:?} in the database is no word of this program"))
}

impl TryFrom<ticket::Model> for Ticket {
    type Error = DbErr;

    fn try_from(row: ticket::Model) -> Result<Self, DbErr> {
        let ticket::Model {
            id,
            number,
            token,
            title,
            description,
            status,
            priority,
            issue_type,
            product,
            device,
            required_skills,
            channel,
            version,
            requester_id,
            customer_id,
            assignee_id,
            team_id,
            accepted,
            confidential,
            imported,
            created_at,
            updated_at,
            public_updated_at,
            first_opened_at,
            first_opened_by,
            first_responded_at,
            resolved_at,
            closed_at,
            reopen_count,
            hand_over_count,
            chase_count,
            waiting_reason,
            cancel_reason,
            merged_into,
            first_resolved_at,
            first_resolution_hand_overs,
            first_reopened_at,
            no_response_marked_at,
            pending_status,
            pending_system,
            pending_since,
            pending_needs,
            revision: _,
        } = row;
        Ok(Self {
            id,
            number,
            token,
            title,
            description,
            status: TicketStatus::parse(&status).ok_or_else(|| broken("status", &status))?,
            priority: Priority::of_rank(priority).ok_or_else(|| broken("priority", &priority.to_string()))?,
            issue_type,
            product,
            device,
            required_skills: list_of(&required_skills),
            channel,
            version,
            requester: requester_id,
            customer: customer_id,
            assignee: assignee_id,
            team: team_id,
            accepted,
            confidential,
            imported,
            created_at,
            updated_at,
            public_updated_at,
            first_opened_at,
            first_opened_by,
            first_responded_at,
            resolved_at,
            closed_at,
            reopen_count,
            hand_over_count,
            chase_count,
            waiting_reason,
            cancel_reason,
            merged_into,
            first_resolved_at,
            first_resolution_hand_overs,
            first_reopened_at,
            no_response_marked_at,
            pending: pending_of(pending_status, pending_system, pending_since, pending_needs)?,
        })
    }
}

fn pending_of(
    status: Option<String>,
    system: Option<String>,
    since: Option<Timestamp>,
    needs: Option<String>,
) -> Result<Option<PendingReport>, DbErr> {
    let (Some(status), Some(system), Some(since), Some(needs)) = (status, system, since, needs) else {
        return Ok(None);
    };
    Ok(Some(PendingReport {
        status: TicketStatus::parse(&status).ok_or_else(|| broken("ticket status", &status))?,
        system,
        since,
        needs: Needs::parse(&needs).ok_or_else(|| broken("need", &needs))?,
    }))
}

impl From<Ticket> for ticket::Model {
    fn from(state: Ticket) -> Self {
        let Ticket {
            id,
            number,
            token,
            title,
            description,
            status,
            priority,
            issue_type,
            product,
            device,
            required_skills,
            channel,
            version,
            requester,
            customer,
            assignee,
            team,
            accepted,
            confidential,
            imported,
            created_at,
            updated_at,
            public_updated_at,
            first_opened_at,
            first_opened_by,
            first_responded_at,
            resolved_at,
            closed_at,
            reopen_count,
            hand_over_count,
            chase_count,
            waiting_reason,
            cancel_reason,
            merged_into,
            first_resolved_at,
            first_resolution_hand_overs,
            first_reopened_at,
            no_response_marked_at,
            pending,
        } = state;
        Self {
            id,
            number,
            token,
            title,
            description,
            status: status.word().to_owned(),
            priority: priority.rank(),
            issue_type,
            product,
            device,
            required_skills: list_to(&required_skills),
            channel,
            version,
            requester_id: requester,
            customer_id: customer,
            assignee_id: assignee,
            team_id: team,
            accepted,
            confidential,
            imported,
            created_at,
            updated_at,
            public_updated_at,
            first_opened_at,
            first_opened_by,
            first_responded_at,
            resolved_at,
            closed_at,
            reopen_count,
            hand_over_count,
            chase_count,
            waiting_reason,
            cancel_reason,
            merged_into,
            first_resolved_at,
            first_resolution_hand_overs,
            first_reopened_at,
            no_response_marked_at,
            pending_status: pending.as_ref().map(|pending| pending.status.word().to_owned()),
            pending_since: pending.as_ref().map(|pending| pending.since),
            pending_needs: pending.as_ref().map(|pending| pending.needs.word().to_owned()),
            pending_system: pending.map(|pending| pending.system),
            revision: 0,
        }
    }
}

/// Keys as a JSON array.
pub(super) fn list_of(text: &str) -> Vec<String> {
    serde_json::from_str(text).unwrap_or_default()
}

pub(super) fn list_to(keys: &[String]) -> String {
    serde_json::to_string(keys).expect("strings are JSON")
}
