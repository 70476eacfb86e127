//! Remote control of a running server: the command line sends its requests over a socket in the data folder. Without a
//! server it locks the folder and does the work itself. Both run the same code ([`perform`]).
//!
//! One request per connection, as a line of JSON; for an import, the file follows. Responses are lines of JSON.

use std::fs::{File, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::auth::commands::hash_password;
use domain::backup::queries::backup;
use domain::import::commands::{ImportObserver, import};
use domain::import::model::{ImportMap, PartialTicket, Progress, RejectedRow};
use domain::kernel::{Error, Locale, Role};
use domain::msg;
use domain::people::model::CreateUser;
use domain::runtime::{App, Ctx};
use jiff::tz::TimeZone;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio_util::io::SyncIoBridge;
use tokio_util::sync::CancellationToken;

use super::installation::examine;
use super::protocol::{Envelope, Request, Response};
use crate::config::Config;
use crate::node::{Environment, StartupError, open};

const SOCKET: &str = "buoy.sock";
const LOCK: &str = "buoy.lock";
/// Bytes of the request line: a column map is a page of text.
const REQUEST_BYTES_MAX: u64 = 1_000_000;
/// Pending responses for a client.
const RESPONSES_MAX: usize = 1_000;

/// The process that executes requests.
#[derive(Clone)]
struct Performer {
    app: Arc<App>,
    zone: TimeZone,
    /// Whether it serves demo data as such.
    demo: bool,
}

/// Executes a request; all responses but the last go to `sender`.
async fn perform<R: Read + Send + 'static>(
    Performer { app, zone, demo }: &Performer,
    Envelope { locale, request }: Envelope,
    file: R,
    sender: &mpsc::Sender<Response>,
) -> Response {
    let outcome = match request {
        Request::Import { map, dry_run } => match toml::from_str::<ImportMap>(&map) {
            Err(e) => return Response::Failed(msg!("import-map-unparsable", error = e).text(locale)),
            Ok(map) => {
                let mut watcher = ProgressSender(sender.clone());
                import(app, file, map, zone, dry_run, &mut watcher).await.map(Response::Imported)
            }
        },
        Request::AddUser { email, name, roles, teams, customer, password } => {
            add_user(app, email, name, roles, teams, customer, &password).await.map(Response::UserAdded)
        }
        Request::VerifyAudit => {
            let sender = sender.clone();
            let progress = move |rows| drop(sender.try_send(Response::Verifying(rows)));
            domain::audit::queries::verify(app, progress).await.map(Response::Verified)
        }
        Request::Backup { to } => {
            let sender = sender.clone();
            let progress = move |copying| drop(sender.try_send(Response::Copying(copying)));
            let copied = backup(app, &to, &migrations::TABLES, &migrations::names(), progress).await;
            copied.map(Response::BackedUp)
        }
        Request::Doctor { retry_buried } => examine(app, *demo, retry_buried).await.map(Response::Examined),
    };
    outcome.unwrap_or_else(|error| Response::Failed(error_text(error, locale)))
}

fn error_text(error: Error, locale: Locale) -> String {
    match error {
        Error::Refused(refusals) => {
            refusals.into_iter().map(|refusal| refusal.message.text(locale)).collect::<Vec<_>>().join(" ")
        }
        error => error.to_string(),
    }
}

struct ProgressSender(mpsc::Sender<Response>);

impl ImportObserver for ProgressSender {
    fn progress(&mut self, progress: Progress) {
        // A slow client may miss progress updates.
        let _ = self.0.try_send(Response::Progress(progress));
    }

    fn refused(&mut self, refused: RejectedRow) -> impl Future<Output = ()> + Send {
        self.send(Response::Refused(refused))
    }

    fn imported_partially(&mut self, ticket: PartialTicket) -> impl Future<Output = ()> + Send {
        self.send(Response::ImportedPartially(ticket))
    }
}

impl ProgressSender {
    /// Everything that is left out is sent; if the client is gone, it is dropped.
    fn send(&self, response: Response) -> impl Future<Output = ()> + Send + use<> {
        let sender = self.0.clone();
        async move {
            let _ = sender.send(response).await;
        }
    }
}

async fn add_user(
    app: &Arc<App>,
    email: String,
    name: String,
    roles: Vec<Role>,
    team_keys: Vec<String>,
    customer_key: Option<String>,
    password: &str,
) -> Result<String, Error> {
    domain::auth::commands::check_password("password", password)?;
    let cx = Ctx::system(app);
    let command = CreateUser {
        email,
        name,
        roles,
        team_keys,
        skills: Vec::new(),
        products: Vec::new(),
        customer_key,
        supervisor: None,
        password_hash: Some(hash_password(&cx, password).await?),
    };
    Ok(cx.execute(&command, None).await?.to_string())
}

// ---------------------------------------------------------------- server side

/// Locks the data folder: two processes on one folder would not see each other's writes in time.
pub struct DataDirLock(#[expect(dead_code, reason = "the lock lasts as long as the file is open")] File);

pub fn lock_data_dir(data_dir: &Path) -> Result<DataDirLock, StartupError> {
    let path = data_dir.join(LOCK);
    let error = |e: &dyn std::fmt::Display| StartupError(format!("{}: {e}", path.display()));
    std::fs::create_dir_all(data_dir).map_err(|e| error(&e))?;
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(|e| error(&e))?;
    match file.try_lock() {
        Ok(()) => Ok(DataDirLock(file)),
        Err(TryLockError::WouldBlock) => {
            Err(StartupError(format!("another process of Buoy uses {}: stop it first", data_dir.display())))
        }
        Err(TryLockError::Error(e)) => Err(error(&e)),
    }
}

/// Serves the command line until stopped.
pub async fn serve(app: Arc<App>, config: &Config, demo: bool, stop: CancellationToken) -> Result<(), StartupError> {
    let path = socket_of(config);
    // The socket of a killed process: the lock guarantees that nobody listens there.
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path).map_err(|e| StartupError(format!("{}: {e}", path.display())))?;
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .map_err(|e| StartupError(format!("{}: {e}", path.display())))?;
    let performer = Performer { app, zone: config.zone(), demo };
    tokio::spawn(async move {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = stop.cancelled() => break,
            };
            if let Ok((stream, _)) = accepted {
                tokio::spawn(handle_connection(performer.clone(), stream));
            }
        }
        let _ = std::fs::remove_file(&path);
    });
    Ok(())
}

/// Paths of Unix sockets have a maximum length: in a deeply nested data folder, binding fails.
fn socket_of(config: &Config) -> PathBuf {
    config.data_dir.join(SOCKET)
}

async fn handle_connection(performer: Performer, stream: UnixStream) {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    let mut line = String::new();
    let first = (&mut read).take(REQUEST_BYTES_MAX).read_line(&mut line).await;
    let request = first.ok().and_then(|_| serde_json::from_str::<Envelope>(&line).ok());
    let (sender, mut responses) = mpsc::channel(RESPONSES_MAX);
    let work = async {
        let last = match request {
            Some(request) => perform(&performer, request, SyncIoBridge::new(read), &sender).await,
            None => Response::Failed(
                "the server does not understand this request: is it another version of Buoy?".to_owned(),
            ),
        };
        let _ = sender.send(last).await;
        drop(sender);
    };
    let forward = async {
        while let Some(response) = responses.recv().await {
            let mut line = serde_json::to_string(&response).unwrap_or_default();
            line.push('\n');
            if write.write_all(line.as_bytes()).await.is_err() {
                // The work continues: an import is never left incomplete.
                responses.close();
            }
        }
    };
    tokio::join!(work, forward);
}

// ---------------------------------------------------------------- command line side

/// The language of the terminal, by the variables of POSIX; English if Buoy does not support it.
pub fn terminal_locale() -> Locale {
    let variables = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter();
    let set = variables.filter_map(|name| std::env::var(name).ok()).find(|value| !value.is_empty());
    // Such as zh_CN.UTF-8.
    Locale::from_accept_language(set.as_deref())
}

/// Executes a request on the server of this data folder, or locally; passes on every response, the last one included.
pub async fn request(
    config: &Config,
    request: Request,
    file: Option<PathBuf>,
    mut on_response: impl FnMut(Response),
) -> Result<(), StartupError> {
    let request = Envelope { locale: terminal_locale(), request };
    match UnixStream::connect(socket_of(config)).await {
        Ok(stream) => send_to_server(stream, &request, file, &mut on_response).await,
        Err(_) => run_locally(config, request, file, &mut on_response).await,
    }
}

async fn send_to_server(
    stream: UnixStream,
    request: &Envelope,
    file: Option<PathBuf>,
    on_response: &mut impl FnMut(Response),
) -> Result<(), StartupError> {
    let broken = |e: io::Error| StartupError(format!("the connection to the server was lost: {e}"));
    let (read, mut write) = stream.into_split();
    let mut line = serde_json::to_string(request).map_err(|e| StartupError(e.to_string()))?;
    line.push('\n');
    write.write_all(line.as_bytes()).await.map_err(broken)?;
    let upload = tokio::spawn(async move {
        if let Some(file) = file {
            let mut file = tokio::fs::File::open(file).await?;
            tokio::io::copy(&mut file, &mut write).await?;
        }
        write.shutdown().await
    });
    let mut lines = BufReader::new(read).lines();
    let mut last = None;
    while let Some(line) = lines.next_line().await.map_err(broken)? {
        if let Some(response) = last.replace(serde_json::from_str(&line).map_err(|e| StartupError(e.to_string()))?) {
            on_response(response);
        }
    }
    // The server may respond before it has read everything; its response counts.
    let _ = upload.await;
    match last {
        Some(response) => on_response(response),
        None => return Err(StartupError("the server stopped without a response".to_owned())),
    }
    Ok(())
}

async fn run_locally(
    config: &Config,
    request: Envelope,
    file: Option<PathBuf>,
    on_response: &mut impl FnMut(Response),
) -> Result<(), StartupError> {
    let _lock = lock_data_dir(&config.data_dir)?;
    let app = open(config, Environment::default()).await?;
    let performer = Performer { app: app.clone(), zone: config.zone(), demo: false };
    let file: Box<dyn Read + Send> = match file {
        Some(path) => Box::new(File::open(&path).map_err(|e| StartupError(format!("{}: {e}", path.display())))?),
        None => Box::new(io::empty()),
    };
    let (sender, mut responses) = mpsc::channel(RESPONSES_MAX);
    let work = async {
        let last = perform(&performer, request, file, &sender).await;
        drop(sender);
        last
    };
    let forward = async {
        while let Some(response) = responses.recv().await {
            on_response(response);
        }
    };
    let (last, ()) = tokio::join!(work, forward);
    on_response(last);
    app.db.close().await;
    Ok(())
}
