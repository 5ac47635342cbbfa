//! The bounded channel between two stages: one sender, one receiver, and a choice of what
//! happens when the receiver is too slow.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// What a full channel does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// Throws its oldest item away: a live view shows what is, not what was.
    DropOldest,
    /// Makes the sender wait: no item is lost.
    Wait,
}

/// The other end is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

struct Queue<T> {
    items: VecDeque<T>,
    dropped: u64,
    sender_alive: bool,
    receiver_alive: bool,
}

struct Shared<T> {
    queue: Mutex<Queue<T>>,
    changed: Condvar,
    capacity: usize,
    overflow: Overflow,
}

impl<T> Shared<T> {
    /// The queue is sound after every statement, so a panic elsewhere cannot have broken it.
    fn lock(&self) -> MutexGuard<'_, Queue<T>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, queue: MutexGuard<'a, Queue<T>>) -> MutexGuard<'a, Queue<T>> {
        self.changed
            .wait(queue)
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sending end. Dropping it lets the receiver empty the channel and end.
pub struct Sender<T>(Arc<Shared<T>>);

/// The receiving end. Dropping it makes the sender end.
pub struct Receiver<T>(Arc<Shared<T>>);

/// A channel for `capacity` (at least 1) items.
pub fn bounded<T>(capacity: usize, overflow: Overflow) -> (Sender<T>, Receiver<T>) {
    let capacity = capacity.max(1);
    let shared = Arc::new(Shared {
        queue: Mutex::new(Queue {
            items: VecDeque::with_capacity(capacity),
            dropped: 0,
            sender_alive: true,
            receiver_alive: true,
        }),
        changed: Condvar::new(),
        capacity,
        overflow,
    });
    (Sender(Arc::clone(&shared)), Receiver(shared))
}

impl<T> Sender<T> {
    /// Puts `item` into the channel; an error once the receiver is gone.
    pub fn send(&self, item: T) -> Result<(), Closed> {
        let mut queue = self.0.lock();
        while queue.receiver_alive && queue.items.len() == self.0.capacity {
            match self.0.overflow {
                Overflow::Wait => queue = self.0.wait(queue),
                Overflow::DropOldest => {
                    queue.items.pop_front();
                    queue.dropped += 1;
                }
            }
        }
        if !queue.receiver_alive {
            return Err(Closed);
        }
        queue.items.push_back(item);
        self.0.changed.notify_all();
        Ok(())
    }

    /// Items thrown away so far because the receiver was too slow.
    pub fn dropped(&self) -> u64 {
        self.0.lock().dropped
    }
}

impl<T> Receiver<T> {
    /// Waits for the next item; `None` once the sender is gone and the channel empty.
    pub fn recv(&self) -> Option<T> {
        let mut queue = self.0.lock();
        loop {
            if let Some(item) = queue.items.pop_front() {
                self.0.changed.notify_all();
                return Some(item);
            }
            if !queue.sender_alive {
                return None;
            }
            queue = self.0.wait(queue);
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.lock().sender_alive = false;
        self.0.changed.notify_all();
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut queue = self.0.lock();
        queue.receiver_alive = false;
        queue.items.clear();
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;
    use std::time::Duration;

    #[test]
    fn drop_oldest_keeps_the_newest_and_counts() {
        let (sender, receiver) = bounded(2, Overflow::DropOldest);
        for item in 0..5 {
            sender.send(item).unwrap();
        }
        assert_eq!(sender.dropped(), 3);
        drop(sender);
        assert_eq!(
            [receiver.recv(), receiver.recv(), receiver.recv()],
            [Some(3), Some(4), None]
        );
    }

    #[test]
    fn wait_loses_nothing() {
        let (sender, receiver) = bounded(1, Overflow::Wait);
        thread::scope(|scope| {
            scope.spawn(move || {
                for item in 0..200 {
                    sender.send(item).unwrap();
                }
                assert_eq!(sender.dropped(), 0);
            });
            let received: Vec<_> = std::iter::from_fn(|| receiver.recv()).collect();
            assert_eq!(received, (0..200).collect::<Vec<_>>());
        });
    }

    #[test]
    fn a_waiting_sender_ends_with_the_receiver() {
        let (sender, receiver) = bounded(1, Overflow::Wait);
        sender.send(1).unwrap();
        thread::scope(|scope| {
            let waiting = scope.spawn(move || sender.send(2));
            thread::sleep(Duration::from_millis(20));
            drop(receiver);
            assert_eq!(waiting.join().unwrap(), Err(Closed));
        });
    }

    #[test]
    fn a_waiting_receiver_ends_with_the_sender() {
        let (sender, receiver) = bounded::<u8>(1, Overflow::Wait);
        thread::scope(|scope| {
            let waiting = scope.spawn(move || receiver.recv());
            thread::sleep(Duration::from_millis(20));
            drop(sender);
            assert_eq!(waiting.join().unwrap(), None);
        });
    }

    #[test]
    fn what_was_sent_before_the_end_arrives() {
        let (sender, receiver) = bounded(3, Overflow::Wait);
        sender.send("last words").unwrap();
        drop(sender);
        assert_eq!(receiver.recv(), Some("last words"));
        assert_eq!(receiver.recv(), None);
    }
}
