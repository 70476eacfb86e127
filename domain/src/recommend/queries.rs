//! The three most similar cases.

use std::collections::{HashMap, HashSet};

use meaning::Text;

use super::decide::{self, arrange, sinks};
use super::model::{
    CASE, CASES_MAX, FLOOR, ISSUE_TYPE_WEIGHT, Learned, Meaning, PRODUCT_WEIGHT, PUSHED, Question, SKILL_WEIGHT,
    SOLVED, SimilarCase, Suggestion, SuggestionState,
};
use super::store;
use crate::kernel::{Actor, CardId, Error, Result, TicketId, UserId};
use crate::knowledge;
use crate::knowledge::model::Source;
use crate::notifications;
use crate::notifications::model::Tongue;
use crate::people;
use crate::runtime::{App, Ctx};
use crate::tickets;
use crate::tickets::decide::rights::{Scope, is_case, reads_cases, sees_as_requester};
use crate::tickets::model::{Access, Ticket};

/// Rounds of asking the index for more where hits were struck out or sank.
const ROUNDS_MAX: usize = 4;
/// Hits asked for beyond those that are wanted.
const AHEAD: usize = 8;
/// Citations of a round's hits that are looked at, the newest.
const TRIALS_MAX: u64 = 500;

/// Solved tickets that the viewer may read, most similar first; `first` at most [`CASES_MAX`].
pub async fn similar(cx: &Ctx, question: &Question, first: usize) -> Result<Vec<SimilarCase>> {
    if cx.actor.user_id().is_none() && cx.actor != crate::kernel::Actor::System {
        return Err(Error::unauthenticated());
    }
    let first = first.min(CASES_MAX);
    let any_of = Scope::of(&cx.actor).terms().map(|mut terms| {
        if reads_cases(&cx.actor) {
            terms.push(CASE.to_owned());
        }
        terms
    });
    let clause = search::Clause { all_of: vec![SOLVED.to_owned()], any_of: any_of.into_iter().collect() };
    let vector = meaning(&cx.app, question).await;
    let weights = weights(cx).await?;
    let mut exclude: HashSet<uuid::Uuid> = question.asker.map(|id| id.0).into_iter().collect();
    let mut states = HashMap::new();
    if let Some(asker) = question.asker
        && says_what_helps(cx, asker).await?
    {
        for of in store::of_ticket(cx.read(), asker).await? {
            states.insert(of.case, of.state);
            if of.state == SuggestionState::Dismissed {
                exclude.insert(of.case.0);
            }
        }
    }
    let mut found = Vec::new();
    let mut cases = Vec::new();
    for _ in 0..ROUNDS_MAX {
        let wanted = first + AHEAD;
        let (index, question, clause) = (cx.app.index.clone(), question.clone(), clause.clone());
        let (vector, now, without) = (vector.clone(), cx.now().millis(), exclude.clone());
        let ranking = Ranking { limit: wanted, floor: FLOOR, weights };
        let search = move || rank(&index, &question, vector.as_ref(), now, &clause, &without, ranking);
        let hits = tokio::task::spawn_blocking(search).await.map_err(Error::internal)??;
        let last = hits.last().map_or(0.0, |hit| hit.score);
        let more = hits.len() == wanted;
        exclude.extend(hits.iter().map(|hit| hit.id));
        found.extend(candidates(cx, hits).await?);
        cases = arrange(found.clone(), first, true);
        // What is still to come has no more than the last of these.
        if !more || cases.get(first - 1).is_some_and(|case: &SimilarCase| case.score >= last) {
            break;
        }
        // What sank may be passed by another case of its card.
        let best = cases.iter().filter(|case| case.score >= last);
        let taken: Vec<CardId> = best.filter_map(|case| case.card).collect();
        exclude.extend(knowledge::queries::cases_of(cx.read(), &taken).await?.into_iter().map(|case| case.0));
    }
    for case in &mut cases {
        case.state = states.get(&case.view.ticket.id).copied();
    }
    Ok(cases)
}

/// The cases that were suggested for a ticket or that people said something of, as far as the viewer is told of them.
pub async fn suggestions(cx: &Ctx, ticket: TicketId) -> Result<Vec<Suggestion>> {
    if says_what_helps(cx, ticket).await? { store::of_ticket(cx.read(), ticket).await } else { Ok(Vec::new()) }
}

/// Whether the viewer is told what the staff have made of a ticket's cases: as they are of its citations.
async fn says_what_helps(cx: &Ctx, ticket: TicketId) -> Result<bool> {
    if sees_as_requester(&cx.actor) {
        return Ok(false);
    }
    let view = tickets::queries::views_by_id(cx, vec![ticket]).await?.remove(&ticket);
    Ok(view.is_some_and(|view| view.access == Access::Full))
}

/// The cases of a ticket for whoever has it, as that person may see them; none once it is solved or somebody else's.
pub async fn for_assignee(cx: &Ctx, ticket: &Ticket) -> Result<Vec<SimilarCase>> {
    let (false, Some(assignee)) = (ticket.status.is_solved(), ticket.assignee) else { return Ok(Vec::new()) };
    let Some(person) = people::queries::person(&cx.app, assignee).await? else { return Ok(Vec::new()) };
    let cx = Ctx { actor: Actor::Person(person.into()), ..cx.clone() };
    similar(&cx, &Question::of(ticket), PUSHED).await
}

/// Characters of a solution in a message.
const SOLUTION_CHARS: usize = 80;

/// The same as lines of the message that tells of the assignment. A message does not wait for what cannot be found.
pub async fn lines(cx: Ctx, ticket: TicketId, recipient: UserId, tongue: Tongue) -> Vec<String> {
    let looked_up = async {
        let found = tickets::queries::by_ids(cx.read(), &[ticket]).await?.remove(&ticket);
        let Some(ticket) = found.filter(|ticket| ticket.assignee == Some(recipient)) else { return Ok(Vec::new()) };
        // A message may be read by more people than the one whom it names: nothing confidential leaves in it.
        let mut cases = for_assignee(&cx, &ticket).await?;
        cases.retain(|case| is_case(&case.view.ticket));
        let ids: Vec<TicketId> = cases.iter().map(|case| case.view.ticket.id).collect();
        let solutions = tickets::queries::attributions(cx.read(), &ids).await?;
        let base = cx.app.state::<notifications::model::Settings>().public_url.clone();
        Ok::<_, Error>(decide::lines(&cases, &solutions, base.as_deref(), SOLUTION_CHARS, tongue))
    };
    looked_up.await.unwrap_or_else(|error| {
        tracing::warn!(%error, "a message went without similar cases");
        Vec::new()
    })
}

/// What of the index's hits the viewer may read, as the database has it now: the index follows the log. What was reopened, or
/// whose citing tickets were, sinks.
async fn candidates(cx: &Ctx, hits: Vec<search::Hit>) -> Result<Vec<SimilarCase>> {
    let ids: Vec<TicketId> = hits.iter().map(|hit| TicketId(hit.id)).collect();
    let mut views = tickets::queries::views_by_id(cx, ids.clone()).await?;
    views.retain(|_, view| view.ticket.status.is_solved());
    let cards = knowledge::queries::live_cards_of(cx.read(), &ids).await?;
    let sources: Vec<Source> = ids.iter().map(|id| Source::Case(*id)).collect();
    let standings = knowledge::queries::standings(cx, &sources, TRIALS_MAX).await?;
    let verdicts = store::verdicts(cx.read(), &ids).await?;
    let candidate = |search::Hit { id, score, reasons, traits: _ }: search::Hit| {
        let id = TicketId(id);
        let view = views.remove(&id)?;
        let standing = standings.get(&Source::Case(id));
        let said = verdicts.get(&id).copied().unwrap_or_default();
        let score = score * sinks(view.ticket.reopen_count, standing, said);
        Some(SimilarCase { card: cards.get(&id).copied(), view, score, reasons, state: None })
    };
    Ok(hits.into_iter().filter_map(candidate).collect())
}

/// The weights that hold now: those that were learned last, or those that everybody begins with.
pub async fn weights(cx: &Ctx) -> Result<search::Weights> {
    let load = async |_| Ok(vec![((), store::learned(cx.read()).await?.unwrap_or(search::Weights::CHOSEN))]);
    let mut found = cx.app.state::<Learned>().0.get_or_load(vec![()], load).await?;
    Ok(found.remove(&()).unwrap_or(search::Weights::CHOSEN))
}

/// What a question means: kept, where a ticket asks; else encoded now, unless the encoder has enough to do.
async fn meaning(app: &App, question: &Question) -> Option<search::Vector> {
    if let Some(kept) = question.asker.and_then(|id| app.index.vector(id.0)) {
        return Some(kept);
    }
    let engine = app.state::<Meaning>().engine()?;
    let text = Text { title: question.title.clone(), body: question.description.clone() };
    let encoded = engine.encode(vec![text]).await.ok()?;
    search::Vector::of(encoded.first()?)
}

/// How many, down to which likeness, by which weights.
#[derive(Clone, Copy, Debug)]
pub struct Ranking {
    pub limit: usize,
    pub floor: f32,
    pub weights: search::Weights,
}

/// The one ranking: of an index, what is most similar to a question that is asked at `now`.
pub fn rank(
    index: &search::Index,
    question: &Question,
    vector: Option<&search::Vector>,
    now: i64,
    clause: &search::Clause,
    exclude: &HashSet<uuid::Uuid>,
    Ranking { limit, floor, weights }: Ranking,
) -> Result<Vec<search::Hit>> {
    let Question { title, description, products, issue_type, skills, asker: _ } = question;
    let fields: [(&str, f32, Vec<&String>); 3] = [
        ("product", PRODUCT_WEIGHT, products.iter().collect()),
        ("issueType", ISSUE_TYPE_WEIGHT, issue_type.iter().collect()),
        ("skill", SKILL_WEIGHT, skills.iter().collect()),
    ];
    let mut facets = Vec::new();
    for (name, weight, values) in fields {
        let each = weight / f32::from(u16::try_from(values.len().max(1)).unwrap_or(u16::MAX));
        let facet = |value: &String| search::Facet { name: name.to_owned(), value: value.clone(), weight: each };
        facets.extend(values.into_iter().map(facet));
    }
    let query = search::SimilarQuery {
        title,
        body: description,
        facets: &facets,
        vector,
        weights: &weights,
        now,
        clause,
        exclude,
        limit,
        floor,
    };
    Ok(index.similar(&query)?)
}
