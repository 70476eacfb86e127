//! `buoy eval`: how good the recommendations are, measured on a labelled set by the very ranking that serves `similarCases`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use domain::recommend::decide;
use domain::recommend::model::{PUSHED, Question};
use domain::recommend::queries::{Ranking, rank};
use flate2::read::MultiGzDecoder;
use indicatif::{ProgressBar, ProgressIterator as _, ProgressStyle};
use meaning::{Model, Text};
use serde::{Deserialize, Deserializer};
use uuid::Uuid;

use crate::config::Config;
use crate::node::CannotStart;

/// Hits written for a question; those that were filed later are struck by scorers.
const HITS: usize = 50;
/// Documents indexed, and texts encoded, at once.
const INDEXED_AT_ONCE: usize = 500;
const ENCODED_AT_ONCE: usize = 16;
/// Figures look at so many hits.
const FIRST: usize = 10;

/// Every likeness counts the same.
const EQUAL: search::Weights = {
    let words = search::Shares { text: 0.2, head: 0.2, title: 0.2, codes: 0.2, wording: 0.2, meaning: 0.0, topic: 0.0 };
    let meanings = search::Shares { meaning: 0.2, topic: 0.2, ..words };
    search::Weights { words, meanings, age: search::Weights::CHOSEN.age }
};

#[derive(Args)]
pub struct Eval {
    /// A folder with corpus.jsonl.gz, queries.jsonl.gz and, for the figures, qrels.tsv.
    set: PathBuf,
    /// Where the run is written: query-id doc-id rank score.
    #[arg(long)]
    run: PathBuf,
    /// Besides: learn from the first half of the judged questions as if people had cited what is relevant and dismissed the others
    /// that they were shown, and tell of the other half before and after; from the program's weights, and from equal ones as if
    /// nobody had chosen any.
    #[arg(long)]
    replay: bool,
}

/// A document or a question of a set. Instants are Unix seconds.
#[derive(Deserialize)]
struct Entry {
    id: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    body: String,
    created: Option<i64>,
    before: Option<i64>,
    #[serde(default, deserialize_with = "words")]
    components: Vec<String>,
    #[serde(default, deserialize_with = "words")]
    versions: Vec<String>,
    #[serde(default, deserialize_with = "words")]
    labels: Vec<String>,
    #[serde(default, rename = "type")]
    issue_type: Option<String>,
}

/// One word, several, or none.
fn words<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Words {
        One(String),
        Several(Vec<String>),
        None(()),
    }
    Ok(match Words::deserialize(value)? {
        Words::One(word) => vec![word],
        Words::Several(words) => words,
        Words::None(()) => Vec::new(),
    })
}

impl Entry {
    /// What stands in for the product, and for skills, as a ticket has them.
    fn tags(&self) -> Vec<String> {
        let product = self.components.iter().map(|component| format!("product={component}"));
        let issue_type = self.issue_type.iter().map(|issue_type| format!("issueType={issue_type}"));
        let skills = self.versions.iter().chain(&self.labels).map(|label| format!("skill={label}"));
        product.chain(issue_type).chain(skills).collect()
    }

    fn text(&self) -> Text {
        Text { title: self.title.clone(), body: self.body.clone() }
    }
}

fn fault(what: impl std::fmt::Display) -> CannotStart {
    CannotStart(what.to_string())
}

fn read(file: &Path) -> Result<Vec<Entry>, CannotStart> {
    let opened = File::open(file).map_err(|e| fault(format!("{}: {e}", file.display())))?;
    let lines = BufReader::new(MultiGzDecoder::new(opened)).lines();
    lines
        .enumerate()
        .map(|(n, line)| {
            let line = line.map_err(|e| fault(format!("{}: {e}", file.display())))?;
            serde_json::from_str(&line).map_err(|e| fault(format!("{}, line {}: {e}", file.display(), n + 1)))
        })
        .collect()
}

fn bar(of: usize, what: &'static str) -> ProgressBar {
    let style =
        ProgressStyle::with_template("{msg:>12} {bar:30} {pos}/{len} {eta}").unwrap_or(ProgressStyle::default_bar());
    ProgressBar::new(u64::try_from(of).unwrap_or(u64::MAX)).with_style(style).with_message(what)
}

/// The n-th document.
fn id(n: usize) -> Uuid {
    Uuid::from_u128(u128::try_from(n).unwrap_or(u128::MAX))
}

fn encoded(model: &Model, of: &[Entry], what: &'static str) -> Vec<Option<search::Vector>> {
    let progress = bar(of.len(), what);
    let mut vectors = Vec::with_capacity(of.len());
    for chunk in of.chunks(ENCODED_AT_ONCE) {
        let texts: Vec<Text> = chunk.iter().map(Entry::text).collect();
        vectors.extend(model.encode(&texts).iter().map(|numbers| search::Vector::of(numbers)));
        progress.inc(u64::try_from(chunk.len()).unwrap_or(0));
    }
    progress.finish_and_clear();
    vectors
}

pub fn run(config: &Config, Eval { set, run, replay }: &Eval) -> Result<ExitCode, CannotStart> {
    let (corpus, queries) = (read(&set.join("corpus.jsonl.gz"))?, read(&set.join("queries.jsonl.gz"))?);
    let folder = tempfile::Builder::new().prefix("buoy-eval-").tempdir().map_err(fault)?;
    let index = search::Index::open(folder.path()).map_err(fault)?.index;
    let building = index.rebuild().map_err(fault)?;
    let chunks = corpus.chunks(INDEXED_AT_ONCE);
    for (at, chunk) in
        (0..).step_by(INDEXED_AT_ONCE).zip(chunks).progress_with(bar(corpus.len() / INDEXED_AT_ONCE + 1, "index"))
    {
        let document = |(n, entry): (usize, &Entry)| search::Document {
            id: id(at + n),
            at: entry.created.unwrap_or(0).saturating_mul(1_000),
            title: entry.title.clone(),
            body: entry.body.clone(),
            extra: String::new(),
            tags: entry.tags(),
        };
        building.put(chunk.iter().enumerate().map(document).collect()).map_err(fault)?;
    }
    building.swap("").map_err(fault)?;
    let model = match config.model_dir() {
        Some(folder) => Some(Model::open(&folder).map_err(fault)?),
        None => {
            eprintln!("no encoder of meanings (BUOY_MODEL_DIR; make model fetches one): by words alone");
            None
        }
    };
    let mut asked = vec![None; queries.len()];
    if let Some(model) = &model {
        let vectors = encoded(model, &corpus, "documents");
        index.put_vectors(vectors.into_iter().enumerate().filter_map(|(n, vector)| Some((id(n), vector?))));
        asked = encoded(model, &queries, "questions");
    }
    let places: HashMap<&str, usize> = corpus.iter().enumerate().map(|(n, entry)| (entry.id.as_str(), n)).collect();
    let hits_of = |nth: usize, weights: &search::Weights| {
        let query = &queries[nth];
        let question = Question {
            title: query.title.clone(),
            description: query.body.clone(),
            products: query.components.clone(),
            issue_type: query.issue_type.clone(),
            skills: query.versions.iter().chain(&query.labels).cloned().collect(),
            asker: None,
        };
        // Only what was filed before it; never itself.
        let now = query.before.map_or(0, |before| before.saturating_mul(1_000) - 1);
        let exclude: HashSet<Uuid> = places.get(query.id.as_str()).map(|n| id(*n)).into_iter().collect();
        let ranking = Ranking { limit: HITS, floor: 0.0, weights: *weights };
        rank(&index, &question, asked[nth].as_ref(), now, &search::Clause::default(), &exclude, ranking).map_err(fault)
    };
    let named = |hit: &search::Hit| usize::try_from(hit.id.as_u128()).ok().and_then(|n| corpus.get(n));
    let mut answers: HashMap<&str, Vec<&str>> = HashMap::new();
    let mut out = BufWriter::new(File::create(run).map_err(|e| fault(format!("{}: {e}", run.display())))?);
    for (nth, query) in queries.iter().enumerate().progress_with(bar(queries.len(), "rank")) {
        let mut found = Vec::new();
        for (place, hit) in hits_of(nth, &search::Weights::CHOSEN)?.iter().enumerate() {
            let Some(entry) = named(hit) else { continue };
            writeln!(out, "{} {} {} {}", query.id, entry.id, place + 1, hit.score).map_err(fault)?;
            found.push(entry.id.as_str());
        }
        answers.insert(query.id.as_str(), found);
    }
    out.flush().map_err(fault)?;
    let judged = set.join("qrels.tsv");
    if !judged.exists() {
        println!("{} questions; no qrels.tsv, so no figures", queries.len());
        return Ok(ExitCode::SUCCESS);
    }
    let relevant = relevant(&judged)?;
    println!(
        "queries {}, of them in the run {}",
        relevant.len(),
        relevant.keys().filter(|id| answers.contains_key(id.as_str())).count()
    );
    for (name, value) in figures(&relevant, &answers) {
        println!("{name:10} {value:.4}");
    }
    if *replay {
        let mut judged: Vec<usize> = (0..queries.len()).filter(|n| relevant.contains_key(&queries[*n].id)).collect();
        judged.sort_by_key(|n| queries[*n].before);
        let (past, future) = judged.split_at(judged.len() / 2);
        let later: BTreeMap<String, HashSet<String>> =
            future.iter().map(|n| (queries[*n].id.clone(), relevant[&queries[*n].id].clone())).collect();
        let again = future.iter().map(|nth| {
            let id = queries[*nth].id.as_str();
            let shown = answers.get(id).map(Vec::as_slice).unwrap_or_default().iter().enumerate();
            let kept = shown.filter(|(place, case)| *place >= PUSHED || relevant[id].contains(**case));
            (id, kept.map(|(_, case)| *case).collect())
        });
        println!(
            "the other {}, before and after those of the first {PUSHED} that do not help are dismissed",
            future.len()
        );
        let again: HashMap<&str, Vec<&str>> = again.collect();
        for ((name, before), (_, after)) in figures(&later, &answers).into_iter().zip(figures(&later, &again)) {
            println!("{name:10} {before:.4} {after:.4}");
        }
        for (name, begin) in [("the program's weights", &search::Weights::CHOSEN), ("equal weights", &EQUAL)] {
            let mut choices = Vec::with_capacity(past.len());
            for nth in past.iter().progress_with(bar(past.len(), "learn")) {
                let of = &relevant[&queries[*nth].id];
                let helps = |hit: &search::Hit| named(hit).is_some_and(|entry| of.contains(&entry.id));
                let mut candidates = Vec::new();
                // People see three.
                for (place, hit) in hits_of(*nth, begin)?.iter().enumerate() {
                    let verdict = match (helps(hit), place < PUSHED) {
                        (true, _) => search::Verdict::Chosen,
                        (false, true) => search::Verdict::Refused,
                        (false, false) => search::Verdict::Passed,
                    };
                    candidates.push((hit.traits, verdict));
                }
                choices.push(search::Choice { candidates });
            }
            let lesson = decide::learn(&choices, begin);
            println!("from {name}, by {} questions: {lesson:#?}", past.len());
            let learned = lesson.filter(|lesson| lesson.used).map_or(*begin, |lesson| lesson.weights);
            let answers_by = |weights: &search::Weights| {
                let mut answers: HashMap<&str, Vec<&str>> = HashMap::new();
                for nth in future.iter().progress_with(bar(future.len(), "replay")) {
                    let hits = hits_of(*nth, weights)?;
                    let ids = hits.iter().filter_map(named).map(|entry| entry.id.as_str()).collect();
                    answers.insert(&queries[*nth].id, ids);
                }
                Ok::<_, CannotStart>(figures(&later, &answers))
            };
            println!("the other {}, before and after", future.len());
            for ((name, before), (_, after)) in answers_by(begin)?.into_iter().zip(answers_by(&learned)?) {
                println!("{name:10} {before:.4} {after:.4}");
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The relevant documents of each question that has any.
fn relevant(file: &Path) -> Result<BTreeMap<String, HashSet<String>>, CannotStart> {
    let text = std::fs::read_to_string(file).map_err(|e| fault(format!("{}: {e}", file.display())))?;
    let mut relevant: BTreeMap<String, HashSet<String>> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let mut columns = line.split('\t');
        if let (Some(query), Some(document), Some(grade)) = (columns.next(), columns.next(), columns.next())
            && grade.trim().parse::<i64>().is_ok_and(|grade| grade > 0)
        {
            relevant.entry(query.to_owned()).or_default().insert(document.to_owned());
        }
    }
    Ok(relevant)
}

#[expect(clippy::cast_precision_loss, reason = "counts of some thousand")]
fn figures(
    relevant: &BTreeMap<String, HashSet<String>>,
    answers: &HashMap<&str, Vec<&str>>,
) -> [(&'static str, f64); 7] {
    let mut figures = [0.0; 7];
    for (query, relevant) in relevant {
        let found = answers.get(query.as_str()).map(Vec::as_slice).unwrap_or_default();
        let gains: Vec<bool> = found.iter().take(FIRST).map(|id| relevant.contains(*id)).collect();
        let hits = |first: usize| gains.iter().take(first).filter(|gain| **gain).count();
        let discount = |place: usize| 1.0 / (place as f64 + 2.0).log2();
        let ideal: f64 = (0..relevant.len().min(FIRST)).map(discount).sum();
        let gained: f64 = gains.iter().enumerate().filter(|(_, gain)| **gain).map(|(place, _)| discount(place)).sum();
        let all = relevant.len() as f64;
        let first = gains.iter().position(|gain| *gain);
        for (figure, value) in figures.iter_mut().zip([
            hits(1) as f64 / all,
            hits(3) as f64 / all,
            f64::from(u8::from(hits(1) > 0)),
            f64::from(u8::from(hits(3) > 0)),
            first.map_or(0.0, |place| 1.0 / (place as f64 + 1.0)),
            gained / ideal,
            hits(FIRST) as f64 / all,
        ]) {
            *figure += value;
        }
    }
    let of = relevant.len().max(1) as f64;
    let [a, b, c, d, e, f, g] = figures.map(|sum| sum / of);
    [("Recall@1", a), ("Recall@3", b), ("Hit@1", c), ("Hit@3", d), ("MRR@10", e), ("nDCG@10", f), ("Recall@10", g)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_those_of_the_scorer() {
        let relevant = BTreeMap::from([
            ("q1".to_owned(), HashSet::from(["a".to_owned(), "b".to_owned()])),
            ("q2".to_owned(), HashSet::from(["c".to_owned()])),
        ]);
        let answers = HashMap::from([("q1", vec!["x", "a", "y", "b"])]);
        let expected = [
            ("Recall@1", 0.0),
            ("Recall@3", 0.25),
            ("Hit@1", 0.0),
            ("Hit@3", 0.5),
            ("MRR@10", 0.25),
            // (1/log2(3) + 1/log2(5)) / (1 + 1/log2(3)), halved.
            ("nDCG@10", 0.325_459_6),
            ("Recall@10", 0.5),
        ];
        for ((name, value), (expected_name, expected)) in figures(&relevant, &answers).into_iter().zip(expected) {
            assert_eq!(name, expected_name);
            assert!((value - expected).abs() < 1e-6, "{name} {value} {expected}");
        }
    }
}
