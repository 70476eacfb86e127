use std::collections::HashSet;
use std::time::Instant;
use search::*;
use tantivy::collector::TopDocs;
use tantivy::query::{BooleanQuery, Occur, Query, TermQuery};
use tantivy::schema::IndexRecordOption;
use uuid::Uuid;
fn load(p: &str) -> Vec<(String, String)> {
    std::fs::read_to_string(p).unwrap().lines().map(|l| { let v: serde_json::Value = serde_json::from_str(l).unwrap(); let s = |k: &str| v[k].as_str().unwrap_or("").to_owned(); (s("title"), s("body")) }).collect()
}
fn pct(v: &mut Vec<f64>) -> String { v.sort_by(f64::total_cmp); format!("p50 {:.2} p99 {:.2} ms", v[v.len()/2], v[v.len()*99/100]) }
fn main() {
    let n: usize = std::env::args().nth(1).unwrap().parse().unwrap();
    let mut src = load("/tmp/eval/tidev-timob.corpus"); src.extend(load("/tmp/eval/gitbugs-hadoop.corpus")); src.extend(load("/tmp/eval/lcqmc-dev.corpus")); src.extend(load("/tmp/eval/bq-dev.corpus"));
    let mut seed = 12345u64;
    let mut rnd = move |m: usize| { seed ^= seed << 13; seed ^= seed >> 7; seed ^= seed << 17; (seed % m as u64) as usize };
    let dir = std::path::PathBuf::from("/tmp/eval/scale.idx");
    let fresh = !dir.exists();
    let t = Instant::now();
    let index = Index::open(&dir).unwrap().index;
    println!("open {:?}", t.elapsed());
    if fresh {
        let t = Instant::now();
        let r = index.rebuild().unwrap();
        for c in 0..n / 5000 {
            let docs = (0..5000).map(|i| {
                let (a, b, c2) = (&src[rnd(src.len())], &src[rnd(src.len())], &src[rnd(src.len())]);
                let words: Vec<&str> = a.1.split(' ').chain(b.1.split(' ')).collect();
                let from = rnd(words.len()); let body: Vec<&str> = words[from..].iter().take(45).copied().collect();
                let k = c * 5000 + i;
                Document { id: Uuid::from_u128(k as u128 + 1), title: format!("{} {}", c2.0.chars().take(40).collect::<String>(), rnd(100000)), body: body.join(" "), extra: "replaced the part".into(), tags: vec!["solved".into(), format!("team={}", k % 40), format!("product={}", k % 300)] }
            }).collect();
            r.put(docs).unwrap();
        }
        println!("put {:?}", t.elapsed());
        r.swap("1").unwrap();
        println!("built {:?}", t.elapsed());
    }
    let gen_ = dir.join(std::fs::read_to_string(dir.join("CURRENT")).unwrap());
    let ti = tantivy::Index::open_in_dir(&gen_).unwrap();
    let searcher = ti.reader().unwrap().searcher();
    println!("docs {} segments {}", searcher.num_docs(), searcher.segment_readers().len());
    let words = ti.schema().get_field("words").unwrap();
    let queries: Vec<(String, String)> = (0..400).map(|_| { let a = &src[rnd(src.len())]; (a.0.clone(), a.1.chars().take(350).collect()) }).collect();
    for round in 0..2 {
        let (mut bare, mut none, mut clause_t, mut sel, mut finds) = (vec![], vec![], vec![], vec![], vec![]);
        let ex = HashSet::from([Uuid::from_u128(5)]);
        let all = Clause::default();
        let scoped = Clause { all_of: vec!["solved".into()], any_of: Some((0..4).map(|i| format!("team={i}")).collect()) };
        let one = Clause { all_of: vec!["solved".into()], any_of: Some(vec!["product=7".into()]) };
        for (title, body) in &queries {
            let mut seen = HashSet::new();
            let mut ts: Vec<(u64, tantivy::Term)> = tmp_terms(title).into_iter().chain(tmp_terms(body)).filter(|t| seen.insert(t.clone())).map(|t| { let t = tantivy::Term::from_field_text(words, &t); (searcher.doc_freq(&t).unwrap(), t) }).collect();
            ts.sort();
            let t = Instant::now();
            let q = BooleanQuery::new(ts.into_iter().take(25).map(|(_, t)| (Occur::Should, Box::new(TermQuery::new(t, IndexRecordOption::WithFreqs)) as Box<dyn Query>)).collect());
            let _ = searcher.search(&q, &TopDocs::with_limit(10).order_by_score()).unwrap();
            bare.push(t.elapsed().as_secs_f64() * 1e3);
            for (cl, v) in [(&all, &mut none), (&scoped, &mut clause_t), (&one, &mut sel)] {
                let t = Instant::now();
                let _ = index.similar(&SimilarQuery { title, body, facets: &[Facet { name: "product".into(), value: "7".into(), weight: 0.5 }], clause: cl, exclude: &ex, limit: 3, floor: 0.1 }).unwrap();
                v.push(t.elapsed().as_secs_f64() * 1e3);
            }
            let t = Instant::now();
            let _ = index.find(&title.chars().take(8).collect::<String>(), &scoped, 1000).unwrap();
            finds.push(t.elapsed().as_secs_f64() * 1e3);
        }
        println!("round {round}: bare {} | similar {} | 10% scope {} | 0.3% scope {} | find {}", pct(&mut bare), pct(&mut none), pct(&mut clause_t), pct(&mut sel), pct(&mut finds));
    }
    let mut ap = vec![];
    for i in 0..40u128 { let t = Instant::now(); index.apply(vec![Change::Put(Document { id: Uuid::from_u128(1_000_000_000 + i), title: "printer jams E-721".into(), body: "打印机卡纸".into(), extra: String::new(), tags: vec![] })], "2").unwrap(); ap.push(t.elapsed().as_secs_f64() * 1e3); }
    println!("apply one: {}", pct(&mut ap));
}
