//! What reports set in motion: where first-time resolution stays low, cards are looked for, and somebody hears of it.

use futures::FutureExt as _;
use serde::{Deserialize, Serialize};

use super::model::Gap;
use super::{queries, react};
use crate::catalogue;
use crate::kernel::{Error, Result, TeamId, Timestamp, days};
use crate::knowledge;
use crate::metrics::decide::around;
use crate::metrics::model::{Interval, Key, Settings as Metrics};
use crate::notifications;
use crate::runtime::jobs::{Next, Outcome, Prepared};
use crate::runtime::{Ctx, Tx};

/// What is missed somewhere, and what is done about it.
#[derive(Serialize, Deserialize)]
struct Finding {
    /// Of the department or issue type.
    name: String,
    /// Whose supervisors hear of it; `None`: all.
    team: Option<TeamId>,
    /// Topics without a card.
    topics: usize,
    /// That cards are made of.
    signatures: Vec<String>,
}

/// The first half of looking for gaps: all of it is read outside any transaction.
pub fn prepare_gaps(tx: &Tx) -> Prepared {
    let cx = tx.cx.clone();
    let found = async move {
        match findings(&cx).await.and_then(|found| serde_json::to_value(found).map_err(Error::internal)) {
            Ok(found) => Outcome::Found(found),
            Err(error) => Outcome::Refused { why: error.to_string() },
        }
    };
    Prepared::Send(found.boxed())
}

/// The second half.
pub async fn settle_gaps(tx: &mut Tx, outcome: Outcome) -> Result<Next> {
    let findings: Vec<Finding> = match outcome {
        Outcome::Found(found) => serde_json::from_value(found).map_err(Error::internal)?,
        other => return Err(Error::internal(format!("gaps were not looked for: {other:?}"))),
    };
    for Finding { name, team, topics, signatures } in findings {
        knowledge::commands::fill(tx, &signatures).await?;
        notifications::react::on_knowledge_gap(tx, &name, team, topics).await?;
    }
    Ok(Next::At(next_monday(tx)))
}

/// An hour into the next week: what happened in the last one is counted by then.
pub fn next_monday(tx: &Tx) -> Timestamp {
    let zone = &tx.app().state::<Metrics>().zone;
    let week = around(tx.now, Interval::Week, zone);
    week.map_or(tx.now + days(7), |week| week.to + react::AFTER_MIDNIGHT)
}

async fn findings(cx: &Ctx) -> Result<Vec<Finding>> {
    let since = match queries::weeks(cx).as_deref() {
        Some([first, ..]) => first.from,
        _ => return Ok(Vec::new()),
    };
    let wanted = cx.app.state::<knowledge::model::Settings>().occurrences_in_gap;
    let names = catalogue::queries::everything(&cx.app).await?;
    let mut findings = Vec::new();
    for Gap { dimension, key, weeks: _, topics } in queries::gaps(cx).await? {
        let Some(of) = queries::of_key(dimension, &key) else { continue };
        let signatures = knowledge::queries::uncarded(cx.read(), of, since, wanted).await?;
        let (name, team) = match &key {
            Key::Id(id) => {
                let team = TeamId(*id);
                let known = catalogue::queries::teams(cx.read(), vec![team]).await?.pop();
                (known.map_or_else(|| team.to_string(), |team| team.name), Some(team))
            }
            Key::Word(word) => {
                let known =
                    names.entries.iter().find(|of| of.kind == catalogue::model::Kind::IssueType && *of.key == **word);
                (known.map_or_else(|| word.to_string(), |of| of.name.clone()), None)
            }
            Key::None => continue,
        };
        findings.push(Finding { name, team, topics: topics.len(), signatures });
    }
    Ok(findings)
}
