//! Changes of fields and references.

use std::collections::BTreeSet;

use super::create::{check_device, check_product, resolve_issue_type};
use super::{apply_command, check_count, load};
use crate::catalogue::model::Kind;
use crate::catalogue::queries as catalogue;
use crate::kernel::text::{self, BODY_CHARS_MAX, KEY_CHARS_MAX, TITLE_CHARS_MAX};
use crate::kernel::{Code, CommentId, Error, Refusal, Result, TicketId, boxed, refuse};
use crate::msg;
use crate::runtime::{Command, Tx};
use crate::tickets::decide::lifecycle::{self, Changes};
use crate::tickets::decide::{rights, token};
use crate::tickets::model::{Action, ExternalRef, Fact, LinkExternalRef, RedactTicket, TicketText, UpdateTicket};
use crate::tickets::{queries, store};

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

impl Command for LinkExternalRef {
    const NAME: &'static str = "linkExternalRef";
    type Output = TicketId;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let token = token::parse(&self.token)
            .ok_or_else(|| refuse(Code::TokenInvalid, "ticketToken", msg!("tickets-token-malformed")))?;
        let id = queries::id_by_token(tx.conn(), &token).await?.ok_or_else(|| rights::not_found("ticketToken"))?;
        let ticket = load(tx, id, None).await.map_err(|error| match error {
            Error::Refused(refusals) => Error::Refused(
                refusals
                    .into_iter()
                    .map(|refusal| Refusal { field: vec!["ticketToken".to_owned()], ..refusal })
                    .collect(),
            ),
            error => error,
        })?;
        let reference = check_reference("", &self.reference).map_err(|mut refusal| {
            refusal.field.retain(|part| !part.is_empty());
            refusal
        })?;
        let fact = Fact::Linked { reference: reference.clone() };
        let decision = lifecycle::record_activity(&ticket, tx.actor(), tx.now, Action::Link, fact)?;
        link(tx, id, "externalId", &[reference]).await?;
        apply_command(tx, &ticket, decision, false).await
    }
}

pub(super) fn check_reference(field: &str, given: &ExternalRef) -> Result<ExternalRef, Refusal> {
    let system = text::line("system", &given.system, KEY_CHARS_MAX).map_err(|r| r.inside(field))?;
    let external_id = text::line("externalId", &given.external_id, 2 * KEY_CHARS_MAX).map_err(|r| r.inside(field))?;
    Ok(ExternalRef { system, external_id })
}

pub(super) async fn link(tx: &Tx, id: TicketId, field: &str, refs: &[ExternalRef]) -> Result<()> {
    match store::insert_refs(tx.conn(), id, refs).await? {
        Some((i, _)) => Err(already_linked(field, &refs[i]).into()),
        None => Ok(()),
    }
}

/// Refuses references that are linked to a ticket already, before the new ticket is written.
pub(super) async fn require_unlinked(tx: &Tx, field: &str, refs: &[ExternalRef]) -> Result<()> {
    match store::first_linked_ref(tx.conn(), refs).await? {
        Some(i) => Err(already_linked(field, &refs[i]).into()),
        None => Ok(()),
    }
}

fn already_linked(field: &str, reference: &ExternalRef) -> Refusal {
    let ExternalRef { system, external_id } = reference;
    refuse(Code::AlreadyExists, field, msg!("tickets-reference-taken", system = system, external_id = external_id))
}
