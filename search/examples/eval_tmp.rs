use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::time::Instant;
use search::*;
use uuid::Uuid;
fn load(p: &str) -> Vec<serde_json::Value> {
    std::fs::read_to_string(p).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}
fn main() {
    search::warm_up();
    let set = std::env::args().nth(1).unwrap();
    let mut corpus = load(&format!("/tmp/eval/{set}.corpus"));
    let mut queries = load(&format!("/tmp/eval/{set}.queries"));
    corpus.sort_by_key(|d| d["created"].as_i64().unwrap_or(0));
    queries.sort_by_key(|d| d["before"].as_i64().unwrap_or(i64::MAX));
    let dir = std::path::PathBuf::from(format!("/tmp/eval/{set}.idx"));
    let _ = std::fs::remove_dir_all(&dir);
    let index = Index::open(&dir).unwrap().index;
    let mut names: HashMap<Uuid, String> = HashMap::new();
    let mut out = String::new();
    let mut next = 0;
    let mut spent = std::time::Duration::ZERO;
    let mut pending = Vec::new();
    let s = |v: &serde_json::Value| v.as_str().unwrap_or("").to_owned();
    let mut firsts = Vec::new();
    for q in &queries {
        let before = q["before"].as_i64().unwrap_or(i64::MAX);
        while next < corpus.len() && corpus[next]["created"].as_i64().unwrap_or(0) < before {
            let d = &corpus[next];
            let id = Uuid::from_u128(next as u128 + 1);
            names.insert(id, s(&d["id"]));
            pending.push(Change::Put(Document { id, title: s(&d["title"]), body: s(&d["body"]), extra: String::new(), tags: vec!["solved".into()] }));
            next += 1;
        }
        if !pending.is_empty() { index.apply(std::mem::take(&mut pending), "x").unwrap(); }
        let (title, body) = (s(&q["title"]), s(&q["body"]));
        let qid = s(&q["id"]);
        let clause = Clause { all_of: vec!["solved".into()], any_of: None };
        let exclude: HashSet<Uuid> = HashSet::new();
        let t = Instant::now();
        let hits = index.similar(&SimilarQuery { title: &title, body: &body, facets: &[], clause: &clause, exclude: &exclude, limit: 11, floor: 0.0 }).unwrap();
        spent += t.elapsed();
        if let Some(h) = hits.first() { firsts.push(h.score); }
        for (r, h) in hits.iter().enumerate() {
            if names[&h.id] == qid { continue; }
            writeln!(out, "{qid}\t{}\t{}\t{}", names[&h.id], r + 1, h.score).unwrap();
        }
    }
    std::fs::write(format!("/tmp/eval/{set}.run"), out).unwrap();
    firsts.sort_by(f32::total_cmp);
    let p = |f: f64| firsts[((firsts.len() - 1) as f64 * f) as usize];
    println!("{set}: {} queries, {:.2} ms each; first score p5 {:.2} p50 {:.2} p95 {:.2}", queries.len(), spent.as_secs_f64() * 1e3 / queries.len() as f64, p(0.05), p(0.5), p(0.95));
}
