//! Reaching the hub: where it listens, whether that socket and its owner can be trusted, the greeting.
//!
//! Absent on purpose: starting a hub (`start.rs`) and trying again (`client/`).

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use codi2_protocol::{ErrorCode, Hello, HubError, PROTOCOL_MAX, PROTOCOL_MIN, ProducerId};
use interprocess::ConnectWaitMode;
use interprocess::local_socket::prelude::*;
use interprocess::local_socket::{ConnectOptions, GenericFilePath, Stream, tokio::Stream as AsyncStream};
use tokio::io::AsyncWriteExt;

use crate::frame::{self, FrameError, Greeting};
use crate::lock::HubInfo;
use crate::places::{PlaceError, Places, own_uid};
use crate::stream::Half;

/// How long either side waits for the other's greeting.
pub const GREETING: Duration = Duration::from_millis(codi2_protocol::limits::READ_MS);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No hub listens: nothing there, or a dead hub's socket. Starting one helps.
    #[error("no hub listens at {}", socket.display())]
    Absent {
        /// Where one would.
        socket: PathBuf,
    },
    /// Somebody else's socket: never used.
    #[error("{} belongs to uid {owner}, not to you: remove it, or set CODI2_RUNTIME_DIR to a folder of your own", socket.display())]
    Foreign {
        /// The socket.
        socket: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// Something other than a socket lies there.
    #[error("{} is not a socket: move it away", socket.display())]
    NotSocket {
        /// What lies there.
        socket: PathBuf,
    },
    /// The process behind the socket is another user's.
    #[error("the process listening at {} runs as uid {uid}, not as you: stop it", socket.display())]
    ForeignPeer {
        /// The socket.
        socket: PathBuf,
        /// Who listens.
        uid: u32,
    },
    /// The hub refused: no version in common, too many connections, ending.
    #[error("the hub refused: {0}")]
    Refused(HubError),
    /// The hub did not greet in time.
    #[error("the hub at {} did not answer within {} s", socket.display(), GREETING.as_secs())]
    Silent {
        /// The socket.
        socket: PathBuf,
    },
    /// The folders can't be used.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// The connection broke during the greeting.
    #[error("the hub's greeting failed: {0}")]
    Frame(#[from] FrameError),
    /// The system refused.
    #[error("can't connect to {}: {error}", socket.display())]
    Io {
        /// The socket.
        socket: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl ConnectError {
    /// Whether starting a hub, or waiting for one that starts or ends, may help.
    pub fn is_absent(&self) -> bool {
        match self {
            Self::Absent { .. } => true,
            // A hub that dies while greeting, or is ending, is as good as absent.
            Self::Frame(FrameError::Truncated | FrameError::Io(_)) => true,
            Self::Refused(error) => error.code == ErrorCode::Ending,
            // More connections wait to be accepted than the system queues.
            Self::Io { error, .. } => error.kind() == io::ErrorKind::WouldBlock,
            _ => false,
        }
    }
}

/// This program's greeting.
pub fn hello(build: &str, capabilities: &[String], producer: Option<ProducerId>) -> Hello {
    Hello {
        protocol_min: PROTOCOL_MIN,
        protocol_max: PROTOCOL_MAX,
        build: build.to_owned(),
        capabilities: capabilities.to_vec(),
        producer,
        pid: std::process::id(),
        durable: None,
    }
}

/// The highest version that both ranges hold.
///
/// # Errors
/// [`ErrorCode::ProtocolVersion`], naming both ranges, where there is none.
pub fn common_version(hub: &Hello, client: &Hello) -> Result<u32, HubError> {
    let highest = hub.protocol_max.min(client.protocol_max);
    if highest >= hub.protocol_min.max(client.protocol_min) {
        return Ok(highest);
    }
    Err(HubError {
        code: ErrorCode::ProtocolVersion,
        message: format!(
            "the hub ({}) speaks protocol {} to {}, the client ({}) {} to {}: update the older one and run `codi2 hub stop`",
            hub.build, hub.protocol_min, hub.protocol_max, client.build, client.protocol_min, client.protocol_max
        ),
    })
}

/// Where the hub of these places listens: as it says itself, for its environment may differ from ours.
pub fn address(places: &Places) -> PathBuf {
    HubInfo::read(places).map_or_else(|| places.socket(), |info| info.socket)
}

/// Folders and socket, checked before a byte is sent.
fn checked_address(places: &Places) -> Result<PathBuf, ConnectError> {
    places.check()?;
    let socket = address(places);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{FileTypeExt, MetadataExt};
        match std::fs::symlink_metadata(&socket) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(ConnectError::Absent { socket }),
            Err(error) => return Err(ConnectError::Io { socket, error }),
            Ok(found) if found.uid() != own_uid() => {
                return Err(ConnectError::Foreign { socket, owner: found.uid() });
            }
            Ok(found) if !found.file_type().is_socket() => return Err(ConnectError::NotSocket { socket }),
            Ok(_) => {}
        }
    }
    Ok(socket)
}

fn connect_error(socket: PathBuf, error: io::Error) -> ConnectError {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => ConnectError::Absent { socket },
        _ => ConnectError::Io { socket, error },
    }
}

/// Checks the uid of the process at the other end; systems that do not tell it rely on the folder alone.
pub(crate) fn foreign_peer(credentials: io::Result<interprocess::local_socket::PeerCreds>) -> io::Result<Option<u32>> {
    #[cfg(unix)]
    {
        let uid = credentials?.euid();
        Ok(uid.filter(|uid| *uid != own_uid()))
    }
    #[cfg(not(unix))]
    {
        let _ = credentials;
        Ok(None)
    }
}

fn greeted(ours: &Hello, body: Option<Vec<u8>>) -> Result<Hello, ConnectError> {
    let body = body.ok_or(FrameError::Truncated)?;
    match frame::decode_greeting(&body)? {
        Greeting::Refused(error) => Err(ConnectError::Refused(error)),
        Greeting::Hello(theirs) => {
            common_version(&theirs, ours).map_err(ConnectError::Refused)?;
            Ok(theirs)
        }
    }
}

/// Connects and greets, on a tokio runtime; starts nothing.
///
/// # Errors
/// See [`ConnectError`].
pub(crate) async fn connect(places: &Places, ours: &Hello) -> Result<(Half, Hello), ConnectError> {
    let socket = checked_address(places)?;
    let name = socket.as_path().to_fs_name::<GenericFilePath>();
    let name = name.map_err(|error| ConnectError::Io { socket: socket.clone(), error })?;
    let stream: AsyncStream =
        ConnectOptions::new().name(name).connect_tokio().await.map_err(|error| connect_error(socket.clone(), error))?;
    if let Some(uid) = foreign_peer(stream.peer_creds()).map_err(|error| connect_error(socket.clone(), error))? {
        return Err(ConnectError::ForeignPeer { socket, uid });
    }
    let mut half = Half::new(Arc::new(stream));
    let greeting = async {
        half.write_all(&frame::encode(ours)?).await.map_err(FrameError::Io)?;
        frame::read(&mut half).await
    };
    let body = tokio::time::timeout(GREETING, greeting).await.map_err(|_| ConnectError::Silent { socket })??;
    let theirs = greeted(ours, body)?;
    Ok((half, theirs))
}

/// Connects and greets without a runtime, within `wait`; starts nothing. The stream keeps that time-out for reading
/// and writing.
///
/// # Errors
/// See [`ConnectError`].
pub(crate) fn connect_blocking(places: &Places, ours: &Hello, wait: Duration) -> Result<(Stream, Hello), ConnectError> {
    use std::io::Write;
    let socket = checked_address(places)?;
    let name = socket.as_path().to_fs_name::<GenericFilePath>();
    let name = name.map_err(|error| ConnectError::Io { socket: socket.clone(), error })?;
    let options = ConnectOptions::new().name(name).wait_mode(ConnectWaitMode::Timeout(wait));
    let mut stream = options.connect_sync().map_err(|error| connect_error(socket.clone(), error))?;
    let io = |error| connect_error(socket.clone(), error);
    if let Some(uid) = foreign_peer(stream.peer_creds()).map_err(io)? {
        return Err(ConnectError::ForeignPeer { socket, uid });
    }
    stream.set_recv_timeout(Some(wait)).map_err(io)?;
    stream.set_send_timeout(Some(wait)).map_err(io)?;
    let silent = |error| match error {
        FrameError::Io(error) if is_timeout(&error) => ConnectError::Silent { socket: socket.clone() },
        error => ConnectError::Frame(error),
    };
    stream.write_all(&frame::encode(ours)?).map_err(|error| silent(error.into()))?;
    let body = frame::read_blocking(&mut stream).map_err(silent)?;
    let theirs = greeted(ours, body)?;
    Ok((stream, theirs))
}

pub(crate) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
