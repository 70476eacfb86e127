//! Learning what tickets have in common, cards, citations.

use std::collections::{BTreeSet, HashSet};

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::decide::{self, Edit};
use super::model::{
    Card, CardState, Citation, CiteSolution, EditCard, KnowledgeEvent, LATELY, Origin, PublishCard, Recurs, RetireCard,
    ReviewCard, Settings, Signature, Source,
};
use super::store;
use super::store::entities::{card, card_case, occurrence};
use super::{queries, react};
use crate::calendar::model::Organisation;
use crate::event::Event;
use crate::kernel::{Actor, CardId, CitationId, Code, Error, Result, TicketId, Timestamp, refuse};
use crate::runtime::command::version_conflict;
use crate::runtime::jobs;
use crate::runtime::{Command, Tx};
use crate::tickets;
use crate::tickets::decide::lifecycle::text_digest;
use crate::tickets::decide::rights;
use crate::tickets::model::{Action, Attribution, Fact};

/// Occurrences of one signature that are looked at; a card is long made where there are more.
const OCCURRENCES_MAX: u64 = 5_000;
/// Cases that join a card in one transaction: each is told of by itself.
const JOINED_MAX: u64 = 25;
/// Cases that a new card chooses its words from.
const VOICES_MAX: usize = 200;
/// Tickets learned of in one transaction.
const COLLECTED_MAX: u64 = 500;

/// Derives the occurrences of tickets anew from what they are now, and has the signatures that gain looked at.
pub async fn learn(tx: &mut Tx, ids: &[TicketId]) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let tickets = tickets::commands::held(tx, ids).await?;
    let revisions = tickets::queries::revisions(tx.conn(), ids).await?;
    let attributions = tickets::queries::attributions(tx.conn(), ids).await?;
    let before = queries::occurrences(tx.conn(), ids).await?;
    store::try_citations(tx.conn(), ids).await?;
    let mut rows = Vec::new();
    let mut signatures = BTreeSet::new();
    for ticket in tickets.values().filter(|ticket| rights::is_case(ticket)) {
        let (id, at) = (ticket.id, ticket.first_resolved_at);
        let (Some(attribution), Some(at), Some(revision)) = (attributions.get(&id), at, revisions.get(&id)) else {
            continue;
        };
        let signature = Signature::of(ticket.product.as_deref(), &attribution.given).digest();
        // A revision alone may have changed: nothing to look at then.
        if before.get(&id).is_none_or(|before| before.signature != signature || before.at != at) {
            signatures.insert(signature.clone());
        }
        rows.push(occurrence::Model { ticket_id: id, signature, at, revision: *revision });
    }
    let standing: HashSet<TicketId> = rows.iter().map(|row| row.ticket_id).collect();
    let gone = before.into_values().filter(|row| !standing.contains(&row.ticket_id)).collect();
    store::drop_occurrences(tx.conn(), gone).await?;
    store::put_occurrences(tx.conn(), rows).await?;
    let now = tx.now;
    // By signature: one at a time counts, whoever wrote what it counts.
    let extract: Vec<_> = signatures.iter().map(|signature| (react::EXTRACT, signature.as_str(), now)).collect();
    jobs::plant_all(tx, &extract).await
}

/// Learns of tickets that changed without telling; whether there are more.
pub async fn collect(tx: &mut Tx) -> Result<bool> {
    let ids = queries::unlearned(tx.app(), COLLECTED_MAX).await?;
    learn(tx, &ids).await?;
    Ok(ids.len() as u64 == COLLECTED_MAX)
}

/// Has a card looked for, though nothing recurs within a week.
pub async fn fill(tx: &mut Tx, signatures: &[String]) -> Result<()> {
    let now = tx.now;
    let fill: Vec<_> = signatures.iter().map(|signature| (react::FILL, signature.as_str(), now)).collect();
    jobs::plant_all(tx, &fill).await
}

/// Makes the card of a signature, once, where it recurs; lets occurrences join the one that there is.
pub async fn extract(tx: &mut Tx, signature: &str, recurs: Recurs) -> Result<()> {
    let made = card::Entity::find().filter(card::Column::Signature.eq(signature)).one(tx.conn()).await?;
    let card = match made {
        Some(card) => card.id,
        None => match make(tx, signature, recurs).await? {
            Some(card) => card,
            None => return Ok(()),
        },
    };
    let joining = queries::joining(tx.conn(), signature, card, JOINED_MAX).await?;
    join(tx, signature, card, &joining).await?;
    if joining.len() as u64 == JOINED_MAX {
        let now = tx.now;
        jobs::plant(tx, react::EXTRACT, signature, now).await?;
    }
    Ok(())
}

/// A draft, in the words of the case that says most, where a signature recurs.
async fn make(tx: &mut Tx, signature: &str, recurs: Recurs) -> Result<Option<CardId>> {
    let occurrences: Vec<(TicketId, Timestamp)> = occurrence::Entity::find()
        .select_only()
        .columns([occurrence::Column::TicketId, occurrence::Column::At])
        .filter(occurrence::Column::Signature.eq(signature))
        .order_by_desc(occurrence::Column::At)
        .order_by_desc(occurrence::Column::TicketId)
        .limit(OCCURRENCES_MAX)
        .into_tuple()
        .all(tx.conn())
        .await?;
    let instants: Vec<_> = occurrences.iter().map(|(_, at)| *at).collect();
    let Settings { occurrences_in_week, occurrences_in_gap, .. } = *tx.app().state::<Settings>();
    let enough = match recurs {
        Recurs::InAWeek => {
            decide::recurs_in_a_week(&instants, occurrences_in_week, &tx.app().state::<Organisation>().zone)
        }
        Recurs::Lately => instants.iter().filter(|at| **at >= tx.now - LATELY).count() >= occurrences_in_gap,
    };
    if !enough {
        return Ok(None);
    }
    let of: Vec<TicketId> = occurrences.iter().take(VOICES_MAX).map(|(ticket, _)| *ticket).collect();
    let tickets = tickets::commands::held(tx, &of).await?;
    let attributions = tickets::queries::attributions(tx.conn(), &of).await?;
    // What has changed since its occurrence was derived is no case of this.
    let is_of = |a: &&Attribution| {
        tickets.get(&a.ticket).is_some_and(|ticket| {
            let digest = Signature::of(ticket.product.as_deref(), &a.given).digest();
            digest == signature && rights::is_case(ticket)
        })
    };
    let says_most = attributions.values().filter(is_of).max_by_key(|a| (a.given.resolution.chars().count(), a.ticket));
    let Some((attribution, ticket)) = says_most.and_then(|a| Some((a, tickets.get(&a.ticket)?))) else {
        return Ok(None);
    };
    let card = Card {
        id: CardId(tx.new_uuid()),
        signature: Signature::of(ticket.product.as_deref(), &attribution.given),
        state: CardState::Draft,
        version: 1,
        text: decide::draft(&ticket.title, &attribution.given.resolution),
        extracted_at: tx.now,
        reviewed: None,
        published: None,
        retired: None,
        origin: Origin { title: Some(ticket.id), solution: Some(ticket.id) },
        withheld: false,
    };
    if !store::insert_card(tx.conn(), &card).await? {
        // Somebody else has made it: its cases join with the next one that is learned of.
        return Ok(None);
    }
    let cases = occurrences.len();
    let extracted = KnowledgeEvent::CardExtracted { card: card.id, team: ticket.team, cases };
    tx.record(Event::Knowledge(extracted)).await?;
    Ok(Some(card.id))
}

async fn join(tx: &mut Tx, signature: &str, card: CardId, joining: &[(TicketId, Timestamp)]) -> Result<()> {
    let ids: Vec<TicketId> = joining.iter().map(|(ticket, _)| *ticket).collect();
    let tickets = tickets::commands::held(tx, &ids).await?;
    let attributions = tickets::queries::attributions(tx.conn(), &ids).await?;
    let mut stale = Vec::new();
    for (id, at) in joining {
        let still = tickets.get(id).zip(attributions.get(id)).filter(|(ticket, attribution)| {
            let digest = Signature::of(ticket.product.as_deref(), &attribution.given).digest();
            rights::is_case(ticket) && digest == signature
        });
        let Some((ticket, attribution)) = still else {
            stale.push(*id);
            continue;
        };
        let row = card_case::Model {
            card_id: card,
            ticket_id: *id,
            title: ticket.title.clone(),
            resolution: attribution.given.resolution.clone(),
            handler_id: attribution.by,
            resolved_at: *at,
            joined_at: tx.now,
        };
        if store::insert_case(tx.conn(), row).await? {
            tickets::commands::note(tx, *id, Fact::JoinedCard { card }).await?;
        }
    }
    // What has changed since its occurrence was derived is learned of anew.
    learn(tx, &stale).await
}

impl Command for CiteSolution {
    const NAME: &'static str = "citeSolution";
    type Output = CitationId;

    async fn run(&self, tx: &mut Tx) -> Result<CitationId> {
        let by = tx.actor().user_id().ok_or_else(Error::unauthenticated)?;
        // First the right to change the ticket: who has none is told nothing of a source.
        tickets::commands::check(tx, self.ticket, Action::Cite).await?;
        let source = match (self.case, self.card) {
            (Some(case), None) => Source::Case(case),
            (None, Some(card)) => Source::Card(card),
            _ => {
                return Err(refuse(
                    Code::Required,
                    "caseId",
                    "Give exactly one of caseId and cardId.",
                    "caseId 与 cardId 必须且只能给出一个。",
                )
                .into());
            }
        };
        let (text, origin) = match source {
            Source::Case(case) => (solution_of_case(tx, self.ticket, case).await?, Some(case)),
            Source::Card(card) => {
                let card = load_held(tx, card, None).await?;
                if card.state == CardState::Retired {
                    return Err(refuse(
                        Code::InvalidTransition,
                        "cardId",
                        "This card is RETIRED: cite another solution, or have it published again.",
                        "该卡片已下线（RETIRED），请引用其他方案，或重新发布该卡片。",
                    )
                    .into());
                }
                (card.text.solution, card.origin.solution)
            }
        };
        let id = CitationId(tx.new_uuid());
        if let Some(before) = store::citation_of(tx.conn(), self.ticket, source).await? {
            return Ok(before.id);
        }
        let citation = Citation { id, ticket: self.ticket, source, origin, text, by, at: tx.now };
        store::insert_citation(tx.conn(), &citation).await?;
        store::try_citations(tx.conn(), &[self.ticket]).await?;
        tickets::commands::act(tx, self.ticket, Action::Cite, Fact::Cited { citation: id }).await?;
        Ok(id)
    }
}

/// The solution of a solved ticket that the actor may read.
async fn solution_of_case(tx: &Tx, ticket: TicketId, case: TicketId) -> Result<String> {
    let refused = |en: &str, zh: &str| refuse(Code::Invalid, "caseId", en, zh);
    if case == ticket {
        return Err(
            refused("A ticket does not cite itself: name another one.", "工单不能引用自身，请选择其他案例。").into()
        );
    }
    let found = tickets::commands::held(tx, &[case]).await?.remove(&case);
    let participants = tickets::queries::participants(tx.conn(), case).await?;
    let readable = |found: &tickets::model::Ticket| rights::access(tx.actor(), found, &participants).is_some();
    let found = found.filter(readable).ok_or_else(|| rights::not_found("caseId"))?;
    if found.confidential {
        return Err(refused(
            "This ticket is confidential: its solution does not leave it.",
            "该工单为保密工单，其解决方案不可引用。",
        )
        .into());
    }
    let attribution = tickets::queries::attributions(tx.conn(), &[case]).await?.remove(&case);
    match attribution.filter(|_| found.status.is_solved()) {
        Some(attribution) => Ok(attribution.given.resolution),
        None => Err(refused(
            "Only a RESOLVED or CLOSED ticket with an attribution has a solution to cite.",
            "只有已解决或已关闭且已归因的工单才有可引用的解决方案。",
        )
        .into()),
    }
}

/// The card that an input names; NOT_FOUND where the actor does not read cards like it.
async fn load(tx: &Tx, id: CardId, expected_version: Option<i32>) -> Result<Card> {
    if *tx.actor() == Actor::Anonymous {
        return Err(Error::unauthenticated());
    }
    let row = card::Entity::find_by_id(id).one(tx.conn()).await?;
    let found = store::with_texts(tx.conn(), row.into_iter().collect()).await?.pop();
    let readable = |card: &Card| decide::may_read_card(tx.actor(), card);
    let card = found.filter(readable).ok_or_else(|| {
        refuse(Code::NotFound, "cardId", "There is no such card, or you may not see it.", "卡片不存在，或您无权查看。")
    })?;
    if expected_version.is_some_and(|expected| expected != card.version) {
        return Err(version_conflict().into());
    }
    Ok(card)
}

/// The same, with its words as they stay until this transaction has ended: nobody takes them out of its cases meanwhile.
async fn load_held(tx: &Tx, id: CardId, expected_version: Option<i32>) -> Result<Card> {
    let origin: Vec<TicketId> = load(tx, id, expected_version).await?.origin.tickets().collect();
    tickets::commands::held(tx, &origin).await?;
    load(tx, id, expected_version).await
}

async fn save(tx: &mut Tx, before: &Card, next: &Card, event: KnowledgeEvent) -> Result<CardId> {
    if !store::save(tx.conn(), before, next).await? {
        return Err(Error::Conflict);
    }
    let in_use = next.state == CardState::Published;
    if in_use != (before.state == CardState::Published) {
        store::put_in_use(tx.conn(), next.id, in_use, tx.now).await?;
    }
    tx.record(Event::Knowledge(event)).await?;
    Ok(next.id)
}

impl Command for ReviewCard {
    const NAME: &'static str = "reviewCard";
    type Output = CardId;

    fn expected_version(&self) -> Option<i32> {
        self.expected_version
    }

    async fn run(&self, tx: &mut Tx) -> Result<CardId> {
        let card = load(tx, self.card, self.expected_version).await?;
        let next = decide::review(&card, tx.actor(), tx.now)?;
        save(tx, &card, &next, KnowledgeEvent::CardReviewed { card: card.id, version: card.version }).await
    }
}

impl Command for PublishCard {
    const NAME: &'static str = "publishCard";
    type Output = CardId;

    fn expected_version(&self) -> Option<i32> {
        self.expected_version
    }

    async fn run(&self, tx: &mut Tx) -> Result<CardId> {
        let card = load(tx, self.card, self.expected_version).await?;
        let next = decide::publish(&card, tx.actor(), tx.now)?;
        save(tx, &card, &next, KnowledgeEvent::CardPublished { card: card.id, version: card.version }).await
    }
}

impl Command for RetireCard {
    const NAME: &'static str = "retireCard";
    type Output = CardId;

    async fn run(&self, tx: &mut Tx) -> Result<CardId> {
        let card = load(tx, self.card, None).await?;
        let next = decide::retire(&card, tx.actor(), tx.now)?;
        save(tx, &card, &next, KnowledgeEvent::CardRetired { card: card.id }).await
    }
}

impl Command for EditCard {
    const NAME: &'static str = "editCard";
    type Output = CardId;

    fn expected_version(&self) -> Option<i32> {
        self.expected_version
    }

    async fn run(&self, tx: &mut Tx) -> Result<CardId> {
        let Self { card, expected_version, title, applies_to, solution, own_words } = self;
        let card = load_held(tx, *card, *expected_version).await?;
        let edit = Edit {
            title: title.as_deref(),
            applies_to: applies_to.as_deref(),
            solution: solution.as_deref(),
            own_words: *own_words,
        };
        let Some(next) = decide::edit(&card, tx.actor(), &edit)? else { return Ok(card.id) };
        let digest = text_digest(&format!("{}\n{}", next.text.title, next.text.solution));
        let by = tx.actor().user_id();
        store::insert_version(tx.conn(), &next, by, tx.now).await?;
        let edited = KnowledgeEvent::CardEdited { card: next.id, version: next.version, text_digest: digest };
        save(tx, &card, &next, edited).await
    }
}
