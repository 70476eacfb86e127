//! The three most similar cases.

use std::collections::HashSet;

use super::model::{CASE, CASES_MAX, FLOOR, ISSUE_TYPE_WEIGHT, PRODUCT_WEIGHT, Question, SOLVED, SimilarCase};
use crate::kernel::{Error, Result, TicketId};
use crate::runtime::Ctx;
use crate::tickets;
use crate::tickets::decide::rights::{Scope, reads_cases};

/// Rounds of asking the index for more where SQL struck hits out.
const ROUNDS_MAX: usize = 3;

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
    let mut exclude: HashSet<uuid::Uuid> = question.asker.map(|id| id.0).into_iter().collect();
    let mut cases = Vec::new();
    for _ in 0..ROUNDS_MAX {
        let wanted = first - cases.len();
        let hits = ask(cx, question, clause.clone(), exclude.clone(), wanted).await?;
        let more = hits.len() == wanted;
        exclude.extend(hits.iter().map(|hit| hit.id));
        // The index follows the log: what changed a moment ago is decided by the database.
        let mut views = tickets::queries::views_by_id(cx, hits.iter().map(|hit| TicketId(hit.id)).collect()).await?;
        cases.extend(hits.into_iter().filter_map(|hit| {
            let view = views.remove(&TicketId(hit.id)).filter(|view| view.ticket.status.is_solved())?;
            Some(SimilarCase { view, score: hit.score, reasons: hit.reasons })
        }));
        if cases.len() == first || !more {
            break;
        }
    }
    // What a later round brought may stand before what an earlier one did.
    cases.sort_by(|a: &SimilarCase, b| b.score.total_cmp(&a.score));
    Ok(cases)
}

async fn ask(
    cx: &Ctx,
    question: &Question,
    clause: search::Clause,
    exclude: HashSet<uuid::Uuid>,
    limit: usize,
) -> Result<Vec<search::Hit>> {
    let index = cx.app.index.clone();
    let Question { title, description, product, issue_type, asker: _ } = question.clone();
    let facet = |name: &str, value: Option<String>, weight| {
        value.map(|value| search::Facet { name: name.to_owned(), value, weight })
    };
    let facets: Vec<_> = [facet("product", product, PRODUCT_WEIGHT), facet("issueType", issue_type, ISSUE_TYPE_WEIGHT)]
        .into_iter()
        .flatten()
        .collect();
    let search = move || {
        index.similar(&search::SimilarQuery {
            title: &title,
            body: &description,
            facets: &facets,
            clause: &clause,
            exclude: &exclude,
            limit,
            floor: FLOOR,
        })
    };
    Ok(tokio::task::spawn_blocking(search).await.map_err(Error::internal)??)
}
