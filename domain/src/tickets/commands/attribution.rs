//! What a ticket was and how it was solved.

use super::{bounded, load, settle};
use crate::catalogue::model::Kind;
use crate::catalogue::queries as catalogue;
use crate::kernel::{Code, Result, TicketId, refuse};
use crate::runtime::{Command, Tx};
use crate::tickets::decide::lifecycle::{self};
use crate::tickets::model::{AttributeTicket, Attribution, AttributionGiven};
use crate::tickets::store;

/// The attribution of an input against the catalogue.
pub(super) async fn check_attribution(tx: &Tx, given: &AttributionGiven) -> Result<AttributionGiven> {
    let complete = lifecycle::attribution(given)?;
    bounded("attribution.solutionTags", complete.solution_tags.len())?;
    let solution_tags =
        catalogue::check_keys(tx, Kind::SolutionTag, "attribution.solutionTags", &complete.solution_tags).await?;
    if let Some(tag) = &complete.cause_tag {
        catalogue::require(tx, Kind::CauseTag, "attribution.causeTag", tag).await?;
    }
    Ok(AttributionGiven { solution_tags, ..complete })
}

pub(super) async fn put_attribution(tx: &Tx, ticket: TicketId, given: AttributionGiven) -> Result<()> {
    let by = tx.actor().user_id().ok_or_else(|| {
        refuse(Code::Forbidden, "attribution", "Only people attribute tickets.", "只有人员可以填写归因。")
    })?;
    store::put_attributions(tx.conn(), vec![Attribution { ticket, given, by, at: tx.now }]).await
}

impl Command for AttributeTicket {
    const NAME: &'static str = "attributeTicket";
    type Output = TicketId;

    fn expected_version(&self) -> Option<i32> {
        self.expected_version
    }

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let ticket = load(tx, self.ticket, self.expected_version).await?;
        let decision = lifecycle::attribute(&ticket, tx.actor(), tx.now, &self.attribution)?;
        let given = check_attribution(tx, &self.attribution).await?;
        put_attribution(tx, ticket.id, given).await?;
        settle(tx, &ticket, decision, true).await
    }
}
