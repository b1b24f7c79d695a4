use std::fs::File;
use std::future::{Future, Ready, ready};
use std::hint::black_box;
use std::io::{self, BufRead, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crucible_perf::results::bottleneck::Bottleneck;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Notify, Semaphore, mpsc};

use crate::victim::{EVENT_BYTES, LISTENER, WORKERS};

/// What is put into a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Injected {
    /// Handlers that compute.
    Cpu,
    /// Handlers that do all under one `std::sync::Mutex`.
    StdMutex,
    /// Handlers that do all under one `tokio::sync::Mutex`.
    TokioMutex,
    /// One task through which all events go.
    Coordination,
    /// Handlers whose memory comes from the kernel each time, and is capped.
    Allocation,
    /// A file that is synced for each event.
    Fsync,
    /// A peer that takes its time for each event.
    Socket,
    /// Nothing to do.
    Idle,
    /// Handlers that await a moment.
    Sleeping,
    /// Handlers that read more memory than caches hold.
    Bandwidth,
}

/// What it is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// To be told, or unclear.
    Bottleneck,
    /// Not to be taken for one.
    Control,
    /// To show what the method does not see.
    BlindSpot,
}

/// CPU time of an event: below the scheduler's slice of some milliseconds by far.
const COMPUTES: Duration = Duration::from_micros(100);

/// Tasks that handle events.
const TASKS: usize = 2 * WORKERS;

/// Too much for glibc to keep for the next who asks, as `victim` has set it, and too little for huge pages.
const BUFFER_BYTES: usize = 1 << 20;

/// Buffers that there may be at once.
const BUFFERS: usize = 2;

/// What handlers wait for that wait.
const AWAITS: Duration = Duration::from_millis(2);

/// More than the caches of most machines.
const TABLE_WORDS: usize = 8 << 20;

/// How many events wait, and how many were done.
#[derive(Debug)]
struct Books {
    offered: AtomicU64,
    done: AtomicU64,
    more: Notify,
}

impl Injected {
    pub(crate) const ALL: [Self; 10] = [
        Self::Cpu,
        Self::StdMutex,
        Self::TokioMutex,
        Self::Coordination,
        Self::Allocation,
        Self::Fsync,
        Self::Socket,
        Self::Idle,
        Self::Sleeping,
        Self::Bandwidth,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::StdMutex => "std-mutex",
            Self::TokioMutex => "tokio-mutex",
            Self::Coordination => "coordination",
            Self::Allocation => "allocation",
            Self::Fsync => "fsync",
            Self::Socket => "socket",
            Self::Idle => "idle",
            Self::Sleeping => "sleeping",
            Self::Bandwidth => "bandwidth",
        }
    }

    pub(crate) const fn expected(self) -> Bottleneck {
        match self {
            // The processor waits for memory, and to the operating system that is computing.
            Self::Cpu | Self::Bandwidth => Bottleneck::Cpu,
            Self::StdMutex => Bottleneck::ThreadContention,
            // Who waits for it parks, as does who waits for a task: one thing is done at a time.
            Self::TokioMutex | Self::Coordination => Bottleneck::SerialStage,
            Self::Allocation => Bottleneck::Memory,
            Self::Fsync => Bottleneck::Io,
            Self::Socket => Bottleneck::Network,
            Self::Idle => Bottleneck::NotSaturated,
            Self::Sleeping => Bottleneck::Outside,
        }
    }

    pub(crate) const fn kind(self) -> Kind {
        match self {
            Self::Idle | Self::Sleeping => Kind::Control,
            Self::Bandwidth => Kind::BlindSpot,
            _ => Kind::Bottleneck,
        }
    }

    /// Handles events until standard input ends, and says at each line of it how many were done and how many wait.
    pub(crate) fn run(self, dir: &Path, port: u16) -> Result<(), Box<dyn std::error::Error>> {
        // More than can ever be done, or none.
        let books = Arc::new(Books::of(if self == Self::Idle { 0 } else { u64::MAX }));
        let runtime = Builder::new_multi_thread().worker_threads(WORKERS).enable_time().build()?;
        self.begin(&runtime, &books, dir, port)?;
        let listener = std::thread::Builder::new().name(LISTENER.to_owned()).spawn(move || answer(&books))?;
        listener.join().map_err(|_| "the listener panicked")??;
        // Handlers may block for ever.
        runtime.shutdown_background();
        Ok(())
    }

    fn begin(self, runtime: &Runtime, books: &Arc<Books>, dir: &Path, port: u16) -> io::Result<()> {
        let lock = Arc::new(std::sync::Mutex::new(()));
        let turn = Arc::new(tokio::sync::Mutex::new(()));
        let budget = Arc::new(Semaphore::new(BUFFERS));
        let stage = coordination(runtime);
        for _ in 0..TASKS {
            let tasks = Tasks { runtime, books };
            match self {
                Self::Idle => tasks.handle(|| ready(())),
                Self::Cpu => tasks.handle(|| done(compute)),
                Self::StdMutex => {
                    let lock = lock.clone();
                    tasks.handle(move || {
                        let _held = lock.lock();
                        done(compute)
                    });
                }
                Self::TokioMutex => {
                    let turn = turn.clone();
                    tasks.handle(move || {
                        let turn = turn.clone();
                        async move {
                            let _held = turn.lock().await;
                            compute();
                        }
                    });
                }
                Self::Coordination => {
                    let stage = stage.clone();
                    tasks.handle(move || {
                        let stage = stage.clone();
                        async move {
                            stage.send(()).await.expect("the stage lives as long as the process");
                        }
                    });
                }
                Self::Allocation => {
                    let budget = budget.clone();
                    tasks.handle(move || {
                        let budget = budget.clone();
                        async move {
                            let _within = budget.acquire().await;
                            fill_a_buffer();
                        }
                    });
                }
                Self::Fsync => {
                    let mut file = tempfile::tempfile_in(dir)?;
                    tasks.handle(move || done(|| append(&mut file)));
                }
                Self::Socket => {
                    let mut peer = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
                    tasks.handle(move || done(|| tell(&mut peer)));
                }
                Self::Sleeping => tasks.handle(|| tokio::time::sleep(AWAITS)),
                Self::Bandwidth => {
                    let table = vec![1_u64; TABLE_WORDS];
                    tasks.handle(move || done(|| read_all(&table)));
                }
            }
        }
        Ok(())
    }
}

/// Tasks of one process.
struct Tasks<'a> {
    runtime: &'a Runtime,
    books: &'a Arc<Books>,
}

impl Tasks<'_> {
    /// One that handles events as long as there are any.
    fn handle<T: Future<Output = ()> + Send>(&self, mut handle: impl FnMut() -> T + Send + 'static) {
        let books = self.books.clone();
        self.runtime.spawn(async move {
            loop {
                books.take().await;
                handle().await;
                books.done.fetch_add(1, Relaxed);
                tokio::task::yield_now().await;
            }
        });
    }
}

impl Books {
    fn of(offered: u64) -> Self {
        Self { offered: AtomicU64::new(offered), done: AtomicU64::new(0), more: Notify::new() }
    }

    /// Waits for an event.
    async fn take(&self) {
        let one_less = |offered: u64| offered.checked_sub(1);
        while self.offered.fetch_update(Relaxed, Relaxed, one_less).is_err() {
            self.more.notified().await;
        }
    }
}

/// Says at each line of standard input how many events were done and how many wait.
fn answer(books: &Books) -> io::Result<()> {
    for question in io::stdin().lock().lines() {
        question?;
        println!("{} {}", books.done.load(Relaxed), books.offered.load(Relaxed));
    }
    Ok(())
}

/// One task that everything goes through.
fn coordination(runtime: &Runtime) -> mpsc::Sender<()> {
    let (events, mut next) = mpsc::channel(TASKS);
    runtime.spawn(async move {
        while next.recv().await.is_some() {
            compute();
        }
    });
    events
}

/// Blocks its worker.
fn done(handle: impl FnOnce()) -> Ready<()> {
    handle();
    ready(())
}

fn compute() {
    let begin = Instant::now();
    while begin.elapsed() < COMPUTES {
        std::hint::spin_loop();
    }
}

/// Each page of it is new from the kernel.
fn fill_a_buffer() {
    black_box(vec![1_u8; BUFFER_BYTES]);
}

fn read_all(table: &[u64]) {
    black_box(table.iter().sum::<u64>());
}

fn append(file: &mut File) {
    file.write_all(&[7; EVENT_BYTES]).expect("room on the disk");
    file.sync_data().expect("a disk that syncs");
}

fn tell(peer: &mut TcpStream) {
    peer.write_all(&[7; EVENT_BYTES]).expect("the peer is there");
    peer.read_exact(&mut [0]).expect("the peer is there");
}
