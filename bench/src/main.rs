//! `make bench`: load and speed of the real program. Each figure is a ratio to a limit measured in the same run,
//! because the machine is noisy. Arguments select measurements by name.

mod client;
mod clocks;
mod fanout;
mod findable;
mod hub;
mod instance;
mod load;
mod page;
mod report;
mod reports;
mod rows;
mod scale;
mod similar;
mod writes;

use std::sync::mpsc;
use std::time::Duration;

use report::Report;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ALL: [&str; 10] =
    ["creates", "resolves", "hub", "page", "reports", "similar", "findable", "fanout", "clocks", "scale"];

/// The longest that one measurement may take; `scale` fills two databases of a million tickets.
const LONGEST: Duration = Duration::from_secs(20 * 60);

/// Ends the program if a measurement neither finishes nor fails. A thread, because some measurements do not yield.
fn watch(name: &'static str) -> mpsc::Sender<()> {
    let (finished, running) = mpsc::channel::<()>();
    std::thread::spawn(move || {
        if running.recv_timeout(LONGEST) == Err(mpsc::RecvTimeoutError::Timeout) {
            eprintln!("{name} was stopped: it had not finished after {} minutes", LONGEST.as_secs() / 60);
            std::process::exit(1);
        }
    });
    finished
}

#[tokio::main]
async fn main() {
    let names: Vec<String> = std::env::args().skip(1).collect();
    if let Some(unknown) = names.iter().find(|name| !ALL.contains(&name.as_str())) {
        eprintln!("there is no measurement {unknown:?}; there are {}", ALL.join(", "));
        std::process::exit(2);
    }
    let mut report = Report::default();
    for name in ALL.into_iter().filter(|name| names.is_empty() || names.iter().any(|chosen| chosen == name)) {
        eprintln!("== {name}");
        let _finished = watch(name);
        match name {
            "creates" => writes::creates(&mut report).await,
            "resolves" => writes::resolves(&mut report).await,
            "hub" => hub::hub(&mut report).await,
            "page" => page::page(&mut report).await,
            "reports" => reports::reports(&mut report),
            "similar" => similar::similar(&mut report),
            "findable" => findable::findable(&mut report).await,
            "fanout" => fanout::fanout(&mut report).await,
            "clocks" => clocks::clocks(&mut report).await,
            _ => scale::scale(&mut report).await,
        }
    }
    report.print();
}
