//! Changes of fields.

use std::collections::BTreeSet;

use super::create::{check_device, find_entry, routing};
use super::{apply_command, check_count, load};
use crate::catalogue::model::Kind;
use crate::catalogue::queries as catalogue;
use crate::kernel::text::{self, BODY_CHARS_MAX, TITLE_CHARS_MAX};
use crate::kernel::{CommentId, Result, TeamId, TicketId, boxed};
use crate::people;
use crate::runtime::{Command, Tx};
use crate::tickets::decide::lifecycle::{self, Changes};
use crate::tickets::decide::rights;
use crate::tickets::model::{Action, RedactTicket, Ticket, TicketText, UpdateTicket};
use crate::tickets::store;

impl Command for UpdateTicket {
    const NAME: &'static str = "updateTicket";
    type Output = TicketId;

    fn expected_version(&self) -> Option<i32> {
        self.expected_version
    }

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let Self {
            ticket,
            expected_version,
            title,
            description,
            priority,
            issue_type,
            product,
            device,
            team_key,
            required_skills,
        } = self;
        let ticket = load(tx, *ticket, *expected_version).await?;
        rights::may(tx.actor(), Action::Update, &ticket)?;
        let mut changes = Changes {
            title: title.as_deref().map(|title| text::line("title", title, TITLE_CHARS_MAX)).transpose()?,
            description: description
                .as_deref()
                .map(|body| text::body("description", body, BODY_CHARS_MAX))
                .transpose()?,
            priority: *priority,
            issue_type: find_entry(tx, Kind::IssueType, "issueType", issue_type.as_deref()).await?.map(|of| of.key),
            product: find_entry(tx, Kind::Product, "product", product.as_deref()).await?.map(|of| of.key),
            device: check_device(device.as_deref())?,
            ..Changes::default()
        };
        changes.team = match team_key {
            Some(key) => Some(catalogue::require_team(tx.conn(), "teamKey", key).await?.id),
            None => changed_routing(tx, &ticket, &changes).await?,
        };
        if let Some(skills) = required_skills {
            check_count("requiredSkills", skills.len())?;
            let skills = catalogue::check_keys(tx, Kind::Skill, "requiredSkills", skills).await?;
            changes.required_skills = Some(skills);
        }
        match lifecycle::update(&ticket, tx.actor(), tx.now, &changes)? {
            Some(decision) => apply_command(tx, &ticket, decision, true).await,
            None => Ok(ticket.id),
        }
    }
}

/// The team to which another issue type or product leads, before somebody accepts the ticket. A ticket that is neither where its
/// issue type and product led it nor, if they led nowhere, in the team of its assignee stays: somebody moved it.
async fn changed_routing(tx: &Tx, ticket: &Ticket, changes: &Changes) -> Result<Option<TeamId>> {
    let Changes { issue_type, product, .. } = changes;
    if ticket.assignment.accepted || (issue_type.is_none() && product.is_none()) {
        return Ok(None);
    }
    let known = catalogue::cached(tx.app()).await?;
    let entry = |kind, key: Option<&String>| key.and_then(|key| known.entry(kind, key));
    let (old_type, old_product) = (ticket.request.issue_type.as_ref(), ticket.request.product.as_ref());
    let before = routing(tx, entry(Kind::IssueType, old_type), entry(Kind::Product, old_product)).await?;
    let mut expected = before.team;
    if let (None, Some(assignee)) = (before.team, ticket.assignment.assignee) {
        expected = people::queries::user(tx.conn(), assignee).await?.and_then(|user| user.teams.first().copied());
    }
    if ticket.assignment.team.is_some() && ticket.assignment.team != expected {
        return Ok(None);
    }
    let issue_type = entry(Kind::IssueType, issue_type.as_ref().or(old_type));
    Ok(routing(tx, issue_type, entry(Kind::Product, product.as_ref().or(old_product))).await?.team)
}

impl Command for RedactTicket {
    const NAME: &'static str = "redactTicket";
    type Output = TicketId;

    fn expected_version(&self) -> Option<i32> {
        self.expected_version
    }

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        tx.actor().require_admin()?;
        let Self { ticket, texts, comments, expected_version } = self;
        check_count("commentIds", comments.len())?;
        let ticket = load(tx, *ticket, *expected_version).await?;
        let (texts, comments): (BTreeSet<TicketText>, BTreeSet<CommentId>) =
            (texts.iter().copied().collect(), comments.iter().copied().collect());
        let (texts, comments): (Vec<TicketText>, Vec<CommentId>) =
            (texts.into_iter().collect(), comments.into_iter().collect());
        let decision = lifecycle::redact(&ticket, tx.now, &texts, &comments)?;
        if store::redact_comments(tx.conn(), ticket.id, &comments).await? != comments.len() {
            return Err(rights::not_found("commentIds").into());
        }
        if texts.contains(&TicketText::Resolution) {
            store::redact_resolution(tx.conn(), ticket.id).await?;
        }
        apply_command(tx, &ticket, decision, true).await
    }
}
