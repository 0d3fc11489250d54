//! One run of the virtual program.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, Lines, ReadHalf, WriteHalf};
use tokio::time::sleep;

use super::{Behind, VirtualProgram};

const SERIAL: &str = "VP0001";
/// Records in one batch.
const BATCH: usize = 100;
/// Before a batch that was not recorded is sent again.
const AGAIN: Duration = Duration::from_secs(5);
const MINUTE: Duration = Duration::from_secs(60);

struct Run<'a, S> {
    program: &'a VirtualProgram,
    lines: Lines<BufReader<ReadHalf<S>>>,
    writer: WriteHalf<S>,
    id: u64,
    /// Records that are told.
    told: usize,
    /// The batch that is not answered yet, and the count of records after it.
    waits: Option<(u64, usize)>,
    /// A batch was not recorded; it is sent again after a while.
    rests: bool,
}

impl VirtualProgram {
    /// Speaks until the other end goes away, tells it to stop, or it dies.
    pub async fn serve(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send) {
        let (reader, writer) = tokio::io::split(stream);
        let lines = BufReader::new(reader).lines();
        let mut run = Run { program: self, lines, writer, id: 0, told: 0, waits: None, rests: false };
        // Whatever ends it: the process ends with its pipes.
        let _ = run.go_on().await;
        self.state().listening = false;
    }
}

impl<S: AsyncRead + AsyncWrite + Send> Run<'_, S> {
    async fn go_on(&mut self) -> Option<()> {
        let terminal = self.program.options.behind == Behind::Terminal;
        let mut hello = json!({"type": "hello", "protocol": 1, "name": "virtual program", "can": ["identify"]});
        if terminal {
            hello =
                json!({"type": "hello", "protocol": 1, "name": "virtual program", "keeps_log": true, "serial": SERIAL});
        }
        self.write(hello).await?;
        loop {
            let message = self.read().await?;
            match message["type"].as_str() {
                Some("welcome") => {
                    self.told = message["cursor"].as_u64().and_then(|told| usize::try_from(told).ok()).unwrap_or(0);
                    break;
                }
                Some("stop") => return None,
                _ => {}
            }
        }
        {
            let mut state = self.program.state();
            (state.listening, state.dies) = (true, false);
            state.presented.clear();
            state.noise.clear();
        }
        self.health().await?;
        if terminal {
            self.contact().await?;
        }
        let mut minute = tokio::time::interval_at(tokio::time::Instant::now() + MINUTE, MINUTE);
        loop {
            self.tell_news().await?;
            tokio::select! {
                message = self.lines.next_line() => {
                    // What it does not know, it ignores.
                    let message = serde_json::from_str(&message.ok()??).unwrap_or_default();
                    self.take(message).await?;
                }
                () = self.program.news.notified() => {}
                () = sleep(AGAIN), if self.rests => self.rests = false,
                _ = minute.tick() => self.health().await?,
            }
        }
    }

    async fn read(&mut self) -> Option<Value> {
        Some(serde_json::from_str(&self.lines.next_line().await.ok()??).unwrap_or_default())
    }

    async fn write(&mut self, message: Value) -> Option<()> {
        let slow = self.program.state().slow;
        sleep(slow).await;
        self.writer.write_all(format!("{message}\n").as_bytes()).await.ok()?;
        self.writer.flush().await.ok()
    }

    async fn health(&mut self) -> Option<()> {
        self.write(json!({"type": "health", "condition": "working", "en": "the virtual program reads", "zh": "虚拟程序正在读取"})).await
    }

    async fn contact(&mut self) -> Option<()> {
        let claimed = self.program.state().log.len();
        let clock = self.program.local();
        self.id += 1;
        self.waits = Some((self.id, self.told));
        self.write(json!({"type": "batch", "id": self.id, "contact": {"clock": clock, "records_claimed": claimed}}))
            .await
    }

    async fn tell_news(&mut self) -> Option<()> {
        let (noise, dies) = {
            let mut state = self.program.state();
            (std::mem::take(&mut state.noise), std::mem::take(&mut state.dies))
        };
        for bytes in noise {
            self.writer.write_all(&bytes).await.ok()?;
            self.writer.flush().await.ok()?;
        }
        if dies {
            sleep(Duration::from_secs(2)).await;
            return None;
        }
        let presented = std::mem::take(&mut self.program.state().presented);
        for card in presented {
            self.id += 1;
            let raw: String = card.bytes().map(|byte| format!("{byte:02x}")).collect();
            let credential = json!({"kind": "card", "value": card});
            self.write(
                json!({"type": "reading", "id": self.id, "credential": credential, "raw": raw, "profile": "virtual"}),
            )
            .await?;
        }
        if self.waits.is_none() && !self.rests && self.program.options.behind == Behind::Terminal {
            self.tell_records().await?;
        }
        Some(())
    }

    async fn tell_records(&mut self) -> Option<()> {
        let (log, again) = {
            let mut state = self.program.state();
            (state.log.clone(), std::mem::take(&mut state.again))
        };
        let from = if again { self.told.min(log.len().saturating_sub(1)) } else { self.told };
        let to = log.len().min(from + BATCH);
        if from >= to {
            return Some(());
        }
        let mut seen: HashMap<&(String, String), u32> = HashMap::new();
        let mut readings = Vec::new();
        for (at, record) in log.iter().enumerate().take(to) {
            let count = seen.entry(record).or_default();
            *count += 1;
            if at >= from {
                let (user, time) = record;
                readings.push(json!({
                    "credential": {"kind": "user_id", "value": user}, "at": time, "method": "finger", "origin": "log",
                    "key": {"content": format!("{user}|{time}"), "occurrence": count},
                }));
            }
        }
        self.id += 1;
        self.waits = Some((self.id, to.max(self.told)));
        let (id, cursor) = (self.id, to.max(self.told));
        let contact = json!({"clock": self.program.local()});
        self.write(json!({"type": "batch", "id": id, "readings": readings, "cursor": cursor, "contact": contact})).await
    }

    async fn take(&mut self, message: Value) -> Option<()> {
        let mine = |waits: &Option<(u64, usize)>| waits.filter(|(id, _)| message["id"].as_u64() == Some(*id));
        match message["type"].as_str() {
            Some("receipts") => {
                if let Some((_, told)) = mine(&self.waits) {
                    (self.told, self.waits) = (told, None);
                }
            }
            Some("not_recorded") if mine(&self.waits).is_some() => (self.waits, self.rests) = (None, true),
            Some("receipt" | "not_recorded") => {
                let slow = self.program.state().slow;
                sleep(slow).await;
                self.program.state().shown = message["tone"].as_str().map(str::to_owned);
            }
            Some("command") if message["command"] == "identify" => {
                self.program.state().identified += 1;
                self.write(json!({"type": "done", "id": message["id"], "en": "It blinked.", "zh": "已闪烁。"})).await?;
            }
            Some("command") => {
                self.write(json!({"type": "failed", "id": message["id"], "reason": "unsupported"})).await?;
            }
            Some("stop") => return None,
            _ => {}
        }
        Some(())
    }
}
