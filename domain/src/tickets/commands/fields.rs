//! Changes of fields.

use std::collections::BTreeSet;

use super::create::{check_device, check_product, resolve_issue_type};
use super::{apply_command, check_count, load};
use crate::catalogue::model::Kind;
use crate::catalogue::queries as catalogue;
use crate::kernel::text::{self, BODY_CHARS_MAX, TITLE_CHARS_MAX};
use crate::kernel::{CommentId, Result, TicketId, boxed};
use crate::runtime::{Command, Tx};
use crate::tickets::decide::lifecycle::{self, Changes};
use crate::tickets::decide::rights;
use crate::tickets::model::{Action, RedactTicket, TicketText, UpdateTicket};
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
            product: check_product(tx, product.as_deref()).await?,
            device: check_device(device.as_deref())?,
            ..Changes::default()
        };
        if issue_type.is_some() {
            (changes.issue_type, _) = resolve_issue_type(tx, issue_type.as_deref()).await?;
        }
        if let Some(key) = team_key {
            changes.team = Some(catalogue::require_team(tx.conn(), "teamKey", key).await?.id);
        }
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
