//! Similar cases of a question.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use embedding::Text;

use super::decide::{self, rank_cases, rank_penalty};
use super::model::{
    CASE, CASES_MAX, EmbeddingService, ISSUE_TYPE_WEIGHT, PRODUCT_WEIGHT, Question, RankingCache, SCORE_MIN,
    SKILL_WEIGHT, SOLVED, SUGGESTED_MAX, SimilarCase, Suggestion, SuggestionState,
};
use super::store;
use crate::kernel::Locale;
use crate::kernel::{Actor, CardId, Error, Result, TicketId, UserId, boxed};
use crate::knowledge;
use crate::knowledge::model::Source;
use crate::notifications;
use crate::people;
use crate::runtime::{App, Ctx};
use crate::tickets;
use crate::tickets::decide::rights::{Scope, is_case, reads_cases, sees_as_requester};
use crate::tickets::model::{Access, SolvedCase, Ticket, View};

/// The most rounds of asking the index for more hits, when hits were filtered out or penalised.
const ROUNDS_MAX: usize = 4;
/// Hits requested beyond the wanted number; each round twice as many as the one before, for solutions that many cases share.
const OVERFETCH: usize = 8;
/// The most citations read per round, the newest first.
const TRIALS_MAX: u64 = 500;

/// Solved tickets that the viewer may read, most similar first, one for each solution; `first` is at most [`CASES_MAX`].
#[boxed]
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
    let vector = question_vector(&cx.app, question).await;
    let weights = weights(cx).await?;
    let mut exclude: HashSet<uuid::Uuid> = question.asker.map(|id| id.0).into_iter().collect();
    let mut states = HashMap::new();
    if let Some(asker) = question.asker
        && may_see_feedback(cx, asker).await?
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
    for round in 0..ROUNDS_MAX {
        let wanted = first + (OVERFETCH << round);
        let (index, question, clause) = (cx.app.index.clone(), question.clone(), clause.clone());
        let (vector, now, without) = (vector.clone(), cx.now().millis(), exclude.clone());
        let ranking = Ranking { limit: wanted, floor: SCORE_MIN, weights };
        let search = move || rank(&index, &question, vector.as_ref(), now, &clause, &without, ranking);
        let hits = tokio::task::spawn_blocking(search).await.map_err(Error::internal)??;
        let last = hits.last().map_or(0.0, |hit| hit.score);
        let more = hits.len() == wanted;
        exclude.extend(hits.iter().map(|hit| hit.id));
        found.extend(candidates(cx, hits).await?);
        cases = rank_cases(found.clone(), first, true);
        // Later hits score no higher than the last one.
        if !more || cases.get(first - 1).is_some_and(|case: &SimilarCase| case.score >= last) {
            break;
        }
        // A penalised case may rank below another case of its card: exclude those cards' cases and search again.
        let best = cases.iter().filter(|case| case.score >= last);
        let top_cards: Vec<CardId> = best.filter_map(|case| case.card).collect();
        exclude.extend(knowledge::queries::cases_of(cx.read(), &top_cards).await?.into_iter().map(|case| case.0));
    }
    for case in &mut cases {
        case.state = states.get(&case.view.ticket.id).copied();
    }
    Ok(cases)
}

/// The suggestions of a ticket, shown or with feedback, if the viewer may see them.
#[boxed]
pub async fn suggestions(cx: &Ctx, ticket: TicketId) -> Result<Vec<Suggestion>> {
    if may_see_feedback(cx, ticket).await? { store::of_ticket(cx.read(), ticket).await } else { Ok(Vec::new()) }
}

/// Whether the viewer may see the staff's feedback on a ticket's cases: the same rule as for its citations.
async fn may_see_feedback(cx: &Ctx, ticket: TicketId) -> Result<bool> {
    if sees_as_requester(&cx.actor) {
        return Ok(false);
    }
    let view = tickets::queries::views_by_id(cx, vec![ticket]).await?.remove(&ticket);
    Ok(view.is_some_and(|view| view.access == Access::Full))
}

/// Similar cases for a ticket's assignee, with the assignee's rights; none for a solved or unassigned ticket.
pub async fn for_assignee(cx: &Ctx, ticket: &Ticket) -> Result<Vec<SimilarCase>> {
    let (false, Some(assignee)) = (ticket.status.is_solved(), ticket.assignment.assignee) else {
        return Ok(Vec::new());
    };
    let Some(person) = people::queries::person(&cx.app, assignee).await? else { return Ok(Vec::new()) };
    let cx = Ctx { actor: Actor::Person(person.into()), ..cx.clone() };
    similar(&cx, &Question::of(ticket), SUGGESTED_MAX).await
}

/// Solved tickets like this one that all staff may read, with who had them, for dispatch.
#[boxed]
pub async fn solved_cases(cx: Ctx, ticket: Ticket, max: usize) -> Result<Vec<SolvedCase>> {
    // Among them are confidential ones, which are left out.
    let mut cases = similar(&cx, &Question::of(&ticket), max.saturating_mul(2)).await?;
    cases.retain(|case| is_case(&case.view.ticket));
    let solved = cases.into_iter().filter_map(|SimilarCase { view: View { ticket, .. }, score, .. }| {
        let solver = ticket.assignment.assignee?;
        Some(SolvedCase { ticket: ticket.id, number: ticket.number, similarity: f64::from(score), solver })
    });
    Ok(solved.take(max).collect())
}

/// Characters of a solution in a message.
const SOLUTION_CHARS: usize = 80;

/// Similar cases as lines of the assignment message. A failed search does not hold the message back.
#[boxed]
pub async fn message_lines(cx: Ctx, ticket: TicketId, recipient: UserId, locale: Locale) -> Vec<String> {
    let lookup = async {
        let found = tickets::queries::by_ids(cx.read(), &[ticket]).await?.remove(&ticket);
        let Some(ticket) = found.filter(|ticket| ticket.assignment.assignee == Some(recipient)) else {
            return Ok(Vec::new());
        };
        // A message may be read by others than its recipient, so confidential cases are left out.
        let mut cases = for_assignee(&cx, &ticket).await?;
        cases.retain(|case| is_case(&case.view.ticket));
        let ids: Vec<TicketId> = cases.iter().map(|case| case.view.ticket.id).collect();
        let solutions = tickets::queries::solutions(cx.read(), &ids).await?;
        let base = cx.app.state::<notifications::model::Settings>().public_url();
        Ok::<_, Error>(decide::message_lines(&cases, &solutions, base, SOLUTION_CHARS, locale))
    };
    lookup.await.unwrap_or_else(|error| {
        tracing::warn!(%error, "similar cases not found; the message is sent without them");
        Vec::new()
    })
}

/// Checks the index's hits against the database, because the index lags behind it, and applies penalties for reopened
/// cases and failed citations.
async fn candidates(cx: &Ctx, hits: Vec<search::Hit>) -> Result<Vec<SimilarCase>> {
    let ids: Vec<TicketId> = hits.iter().map(|hit| TicketId(hit.id)).collect();
    let mut views = tickets::queries::views_by_id(cx, ids.clone()).await?;
    views.retain(|_, view| view.ticket.status.is_solved());
    let cards = knowledge::queries::live_cards_of(cx.read(), &ids).await?;
    let sources: Vec<Source> = ids.iter().map(|id| Source::Case(*id)).collect();
    let reuse = knowledge::queries::reuse_stats(cx, &sources, TRIALS_MAX).await?;
    let feedback = store::feedback_counts(cx.read(), &ids).await?;
    let attributions = tickets::queries::attributions(cx.read(), &ids).await?;
    let candidate = |search::Hit { id, score, reasons, features: _ }: search::Hit| {
        let id = TicketId(id);
        let view = views.remove(&id)?;
        let solution = decide::solution_text(&view.ticket.request.title, attributions.get(&id));
        let solution = Arc::new(search::Shingles::of(solution));
        let stats = reuse.get(&Source::Case(id));
        let counts = feedback.get(&id).copied().unwrap_or_default();
        let score = score * rank_penalty(view.ticket.counts.reopenings, stats, counts);
        Some(SimilarCase { card: cards.get(&id).copied(), solution, view, score, reasons, state: None })
    };
    Ok(hits.into_iter().filter_map(candidate).collect())
}

/// The current weights: the last fitted ones that are used, or the defaults.
#[boxed]
pub async fn weights(cx: &Ctx) -> Result<search::Weights> {
    let load = async |_| Ok(vec![((), store::fitted_weights(cx.read()).await?.unwrap_or(search::Weights::DEFAULT))]);
    let mut found = cx.app.state::<RankingCache>().0.get_or_load(vec![()], load).await?;
    Ok(found.remove(&()).unwrap_or(search::Weights::DEFAULT))
}

/// The vector of a question: stored if a ticket asks, else encoded now unless the encoder is busy.
async fn question_vector(app: &App, question: &Question) -> Option<search::Vector> {
    if let Some(stored) = question.asker.and_then(|id| app.index.vector(id.0)) {
        return Some(stored);
    }
    let engine = app.state::<EmbeddingService>().engine()?;
    let text = Text { title: question.title.clone(), body: question.description.clone() };
    let encoded = engine.encode(vec![text]).await.ok()?;
    search::Vector::of(encoded.first()?)
}

/// How many hits, from which score, by which weights.
#[derive(Clone, Copy, Debug)]
pub struct Ranking {
    pub limit: usize,
    pub floor: f32,
    pub weights: search::Weights,
}

/// Ranks an index by similarity to a question asked at `now`. All callers use this function.
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
