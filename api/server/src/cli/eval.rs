//! `buoy eval`: measures the recommendations on a labelled set, with the same ranking that serves `similarCases`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use domain::recommend::decide;
use domain::recommend::model::{Question, SUGGESTED_MAX};
use domain::recommend::queries::{Ranking, rank};
use embedding::{Model, Text};
use flate2::read::MultiGzDecoder;
use indicatif::{ProgressBar, ProgressIterator as _, ProgressStyle};
use serde::{Deserialize, Deserializer};
use uuid::Uuid;

use crate::config::Config;
use crate::node::StartupError;

/// Hits written for a query; scorers drop those that were created later.
const HITS_MAX: usize = 50;
/// Batch sizes for indexing and for encoding.
const INDEXED_AT_ONCE: usize = 500;
const ENCODED_AT_ONCE: usize = 16;
/// Metrics use so many hits.
const CUTOFF: usize = 10;

/// Equal weights for all similarities.
const EQUAL_WEIGHTS: search::Weights = {
    let words = search::Shares { text: 0.2, head: 0.2, title: 0.2, codes: 0.2, wording: 0.2, meaning: 0.0, topic: 0.0 };
    let meanings = search::Shares { meaning: 0.2, topic: 0.2, ..words };
    search::Weights { words, meanings, age: search::Weights::DEFAULT.age }
};

#[derive(Args)]
pub struct Eval {
    /// A folder with corpus.jsonl.gz, queries.jsonl.gz and, for metrics, qrels.tsv.
    set: PathBuf,
    /// Where the run is written: query-id doc-id rank score.
    #[arg(long)]
    run: PathBuf,
    /// Also simulate feedback: on the first half of the judged queries, relevant results are cited and other shown results are
    /// dismissed; prints the metrics of the second half before and after. Starts from the default weights, and from equal weights.
    #[arg(long)]
    replay: bool,
}

/// A document or query of a set. Times are Unix seconds.
#[derive(Deserialize)]
struct Entry {
    id: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    body: String,
    created: Option<i64>,
    before: Option<i64>,
    #[serde(default, deserialize_with = "string_list")]
    components: Vec<String>,
    #[serde(default, deserialize_with = "string_list")]
    versions: Vec<String>,
    #[serde(default, deserialize_with = "string_list")]
    labels: Vec<String>,
    #[serde(default, rename = "type")]
    issue_type: Option<String>,
}

/// Deserialises one string, several, or none.
fn string_list<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum StringList {
        One(String),
        Several(Vec<String>),
        None(()),
    }
    Ok(match StringList::deserialize(value)? {
        StringList::One(word) => vec![word],
        StringList::Several(words) => words,
        StringList::None(()) => Vec::new(),
    })
}

impl Entry {
    /// Fields of the set as tags of a ticket: product, issue type and skills.
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

fn error(what: impl std::fmt::Display) -> StartupError {
    StartupError(what.to_string())
}

fn read(file: &Path) -> Result<Vec<Entry>, StartupError> {
    let opened = File::open(file).map_err(|e| error(format!("{}: {e}", file.display())))?;
    let lines = BufReader::new(MultiGzDecoder::new(opened)).lines();
    lines
        .enumerate()
        .map(|(n, line)| {
            let line = line.map_err(|e| error(format!("{}: {e}", file.display())))?;
            serde_json::from_str(&line).map_err(|e| error(format!("{}, line {}: {e}", file.display(), n + 1)))
        })
        .collect()
}

fn progress_bar(of: usize, what: &'static str) -> ProgressBar {
    let style =
        ProgressStyle::with_template("{msg:>12} {bar:30} {pos}/{len} {eta}").unwrap_or(ProgressStyle::default_bar());
    ProgressBar::new(u64::try_from(of).unwrap_or(u64::MAX)).with_style(style).with_message(what)
}

/// The n-th document.
fn id(n: usize) -> Uuid {
    Uuid::from_u128(u128::try_from(n).unwrap_or(u128::MAX))
}

fn encode(model: &Model, of: &[Entry], what: &'static str) -> Vec<Option<search::Vector>> {
    let progress = progress_bar(of.len(), what);
    let mut vectors = Vec::with_capacity(of.len());
    for chunk in of.chunks(ENCODED_AT_ONCE) {
        let texts: Vec<Text> = chunk.iter().map(Entry::text).collect();
        vectors.extend(model.encode(&texts).iter().map(|numbers| search::Vector::of(numbers)));
        progress.inc(u64::try_from(chunk.len()).unwrap_or(0));
    }
    progress.finish_and_clear();
    vectors
}

pub fn run(config: &Config, Eval { set, run, replay }: &Eval) -> Result<ExitCode, StartupError> {
    let (corpus, queries) = (read(&set.join("corpus.jsonl.gz"))?, read(&set.join("queries.jsonl.gz"))?);
    let folder = tempfile::Builder::new().prefix("buoy-eval-").tempdir().map_err(error)?;
    let index = search::Index::open(folder.path()).map_err(error)?.index;
    let rebuild = index.rebuild().map_err(error)?;
    let chunks = corpus.chunks(INDEXED_AT_ONCE);
    for (at, chunk) in (0..)
        .step_by(INDEXED_AT_ONCE)
        .zip(chunks)
        .progress_with(progress_bar(corpus.len() / INDEXED_AT_ONCE + 1, "index"))
    {
        let document = |(n, entry): (usize, &Entry)| search::Document {
            id: id(at + n),
            at: entry.created.unwrap_or(0).saturating_mul(1_000),
            title: entry.title.clone(),
            body: entry.body.clone(),
            extra: String::new(),
            restricted: String::new(),
            tags: entry.tags(),
        };
        rebuild.put(chunk.iter().enumerate().map(document).collect()).map_err(error)?;
    }
    rebuild.swap("").map_err(error)?;
    let model = match config.model_dir() {
        Some(folder) => Some(Model::open(&folder).map_err(error)?),
        None => {
            eprintln!("no sentence encoder (set BUOY_MODEL_DIR; `make model` downloads one): using terms only");
            None
        }
    };
    let mut query_vectors = vec![None; queries.len()];
    if let Some(model) = &model {
        let vectors = encode(model, &corpus, "documents");
        index.put_vectors(vectors.into_iter().enumerate().filter_map(|(n, vector)| Some((id(n), vector?))));
        query_vectors = encode(model, &queries, "queries");
    }
    let positions: HashMap<&str, usize> = corpus.iter().enumerate().map(|(n, entry)| (entry.id.as_str(), n)).collect();
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
        // Only documents created before the query, without the query itself.
        let now = query.before.map_or(0, |before| before.saturating_mul(1_000) - 1);
        let exclude: HashSet<Uuid> = positions.get(query.id.as_str()).map(|n| id(*n)).into_iter().collect();
        let ranking = Ranking { limit: HITS_MAX, floor: 0.0, weights: *weights };
        rank(&index, &question, query_vectors[nth].as_ref(), now, &search::Clause::default(), &exclude, ranking)
            .map_err(error)
    };
    let entry_of = |hit: &search::Hit| usize::try_from(hit.id.as_u128()).ok().and_then(|n| corpus.get(n));
    let mut answers: HashMap<&str, Vec<&str>> = HashMap::new();
    let mut out = BufWriter::new(File::create(run).map_err(|e| error(format!("{}: {e}", run.display())))?);
    for (nth, query) in queries.iter().enumerate().progress_with(progress_bar(queries.len(), "rank")) {
        let mut found = Vec::new();
        for (place, hit) in hits_of(nth, &search::Weights::DEFAULT)?.iter().enumerate() {
            let Some(entry) = entry_of(hit) else { continue };
            writeln!(out, "{} {} {} {}", query.id, entry.id, place + 1, hit.score).map_err(error)?;
            found.push(entry.id.as_str());
        }
        answers.insert(query.id.as_str(), found);
    }
    out.flush().map_err(error)?;
    let qrels = set.join("qrels.tsv");
    if !qrels.exists() {
        println!("{} queries; no qrels.tsv, so no metrics", queries.len());
        return Ok(ExitCode::SUCCESS);
    }
    let relevant = read_qrels(&qrels)?;
    println!(
        "judged queries {}, of them in the run {}",
        relevant.len(),
        relevant.keys().filter(|id| answers.contains_key(id.as_str())).count()
    );
    for (name, value) in metrics(&relevant, &answers) {
        println!("{name:10} {value:.4}");
    }
    if *replay {
        let mut judged: Vec<usize> = (0..queries.len()).filter(|n| relevant.contains_key(&queries[*n].id)).collect();
        judged.sort_by_key(|n| queries[*n].before);
        let (past, future) = judged.split_at(judged.len() / 2);
        let later: BTreeMap<String, HashSet<String>> =
            future.iter().map(|n| (queries[*n].id.clone(), relevant[&queries[*n].id].clone())).collect();
        let reranked = future.iter().map(|nth| {
            let id = queries[*nth].id.as_str();
            let shown = answers.get(id).map(Vec::as_slice).unwrap_or_default().iter().enumerate();
            let remaining = shown.filter(|(place, case)| *place >= SUGGESTED_MAX || relevant[id].contains(**case));
            (id, remaining.map(|(_, case)| *case).collect())
        });
        println!(
            "second half ({} queries), before and after irrelevant ones of the first {SUGGESTED_MAX} results are dismissed",
            future.len()
        );
        let reranked: HashMap<&str, Vec<&str>> = reranked.collect();
        for ((name, before), (_, after)) in metrics(&later, &answers).into_iter().zip(metrics(&later, &reranked)) {
            println!("{name:10} {before:.4} {after:.4}");
        }
        for (name, start) in [("default weights", &search::Weights::DEFAULT), ("equal weights", &EQUAL_WEIGHTS)] {
            let mut examples = Vec::with_capacity(past.len());
            for nth in past.iter().progress_with(progress_bar(past.len(), "fit")) {
                let of = &relevant[&queries[*nth].id];
                let is_relevant = |hit: &search::Hit| entry_of(hit).is_some_and(|entry| of.contains(&entry.id));
                let mut candidates = Vec::new();
                // The app shows three.
                for (place, hit) in hits_of(*nth, start)?.iter().enumerate() {
                    let judgement = match (is_relevant(hit), place < SUGGESTED_MAX) {
                        (true, _) => search::Judgement::Relevant,
                        (false, true) => search::Judgement::Irrelevant,
                        (false, false) => search::Judgement::Skipped,
                    };
                    candidates.push((hit.features, judgement));
                }
                examples.push(search::TrainingExample { candidates });
            }
            let fitted = decide::fit_weights(&examples, start);
            println!("{name}, fitted to {} queries: {fitted:#?}", past.len());
            let learned = fitted.filter(|fitted| fitted.used).map_or(*start, |fitted| fitted.weights);
            let metrics_with = |weights: &search::Weights| {
                let mut answers: HashMap<&str, Vec<&str>> = HashMap::new();
                for nth in future.iter().progress_with(progress_bar(future.len(), "replay")) {
                    let hits = hits_of(*nth, weights)?;
                    let ids = hits.iter().filter_map(entry_of).map(|entry| entry.id.as_str()).collect();
                    answers.insert(&queries[*nth].id, ids);
                }
                Ok::<_, StartupError>(metrics(&later, &answers))
            };
            println!("second half ({} queries), before and after", future.len());
            for ((name, before), (_, after)) in metrics_with(start)?.into_iter().zip(metrics_with(&learned)?) {
                println!("{name:10} {before:.4} {after:.4}");
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The relevant documents of each query that has any.
fn read_qrels(file: &Path) -> Result<BTreeMap<String, HashSet<String>>, StartupError> {
    let text = std::fs::read_to_string(file).map_err(|e| error(format!("{}: {e}", file.display())))?;
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
fn metrics(
    relevant: &BTreeMap<String, HashSet<String>>,
    answers: &HashMap<&str, Vec<&str>>,
) -> [(&'static str, f64); 7] {
    let mut metrics = [0.0; 7];
    for (query, relevant) in relevant {
        let found = answers.get(query.as_str()).map(Vec::as_slice).unwrap_or_default();
        let gains: Vec<bool> = found.iter().take(CUTOFF).map(|id| relevant.contains(*id)).collect();
        let hits = |first: usize| gains.iter().take(first).filter(|gain| **gain).count();
        let discount = |place: usize| 1.0 / (place as f64 + 2.0).log2();
        let ideal: f64 = (0..relevant.len().min(CUTOFF)).map(discount).sum();
        let gained: f64 = gains.iter().enumerate().filter(|(_, gain)| **gain).map(|(place, _)| discount(place)).sum();
        let all = relevant.len() as f64;
        let first = gains.iter().position(|gain| *gain);
        for (figure, value) in metrics.iter_mut().zip([
            hits(1) as f64 / all,
            hits(3) as f64 / all,
            f64::from(u8::from(hits(1) > 0)),
            f64::from(u8::from(hits(3) > 0)),
            first.map_or(0.0, |place| 1.0 / (place as f64 + 1.0)),
            gained / ideal,
            hits(CUTOFF) as f64 / all,
        ]) {
            *figure += value;
        }
    }
    let of = relevant.len().max(1) as f64;
    let [a, b, c, d, e, f, g] = metrics.map(|sum| sum / of);
    [("Recall@1", a), ("Recall@3", b), ("Hit@1", c), ("Hit@3", d), ("MRR@10", e), ("nDCG@10", f), ("Recall@10", g)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_match_the_reference_scorer() {
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
        for ((name, value), (expected_name, expected)) in metrics(&relevant, &answers).into_iter().zip(expected) {
            assert_eq!(name, expected_name);
            assert!((value - expected).abs() < 1e-6, "{name} {value} {expected}");
        }
    }
}
