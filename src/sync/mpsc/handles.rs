//! What the handles of both kinds of channels have in common: written once, documented on each.

/// The methods of a sender beside sending, and those of its weak form.
macro_rules! sender {
    ($Sender:ident, $WeakSender:ident, $name:literal, $weak_name:literal) => {
        impl<T> $Sender<T> {
            /// Gives the channel a name, for reports.
            pub fn named(self, name: impl Into<String>) -> Self {
                self.tx.shared.set_name(name.into());
                self
            }

            /// Says whether the receiver was dropped or has closed the channel.
            pub fn is_closed(&self) -> bool {
                self.tx.is_closed()
            }

            /// Says whether both send into one channel.
            pub fn same_channel(&self, other: &Self) -> bool {
                Arc::ptr_eq(&self.tx.shared, &other.tx.shared)
            }

            /// Returns a sender that does not keep the channel alive.
            #[must_use = "the sender itself stays as it is"]
            pub fn downgrade(&self) -> $WeakSender<T> {
                $WeakSender { tx: self.tx.downgrade() }
            }

            /// Returns how many senders there are, weak ones not counted.
            pub fn strong_count(&self) -> usize {
                chan::strong_count(&self.tx.shared)
            }

            /// Returns how many weak senders there are.
            pub fn weak_count(&self) -> usize {
                chan::weak_count(&self.tx.shared)
            }
        }

        impl<T: 'static> $Sender<T> {
            /// Waits until the receiver is dropped or closes the channel.
            ///
            /// # Cancel safety
            ///
            /// Dropping the future leaves the line; nothing is lost.
            pub fn closed(&self) -> Closed<'_, T> {
                Closed::new(&self.tx)
            }
        }

        impl<T> Clone for $Sender<T> {
            fn clone(&self) -> Self {
                Self::new(self.tx.clone())
            }
        }

        impl<T> fmt::Debug for $Sender<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple($name).field(&self.tx).finish()
            }
        }

        impl<T> $WeakSender<T> {
            /// Returns a sender, unless the last one is gone.
            pub fn upgrade(&self) -> Option<$Sender<T>> {
                self.tx.upgrade().map($Sender::new)
            }

            /// Returns how many senders there are, weak ones not counted.
            pub fn strong_count(&self) -> usize {
                chan::strong_count(self.tx.shared())
            }

            /// Returns how many weak senders there are.
            pub fn weak_count(&self) -> usize {
                chan::weak_count(self.tx.shared())
            }
        }

        impl<T> Clone for $WeakSender<T> {
            fn clone(&self) -> Self {
                $WeakSender { tx: self.tx.clone() }
            }
        }

        impl<T> fmt::Debug for $WeakSender<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple($weak_name).field(&self.tx).finish()
            }
        }
    };
}

/// All of a receiver but its capacity.
macro_rules! receiver {
    ($Receiver:ident, $name:literal) => {
        impl<T> $Receiver<T> {
            pub(super) fn new(rx: Rx<T>) -> Self {
                $Receiver { rx }
            }

            /// Gives the channel a name, for reports.
            pub fn named(self, name: impl Into<String>) -> Self {
                self.rx.shared.set_name(name.into());
                self
            }

            /// Takes the next message, if one is there.
            ///
            /// # Errors
            ///
            /// [`TryRecvError::Empty`] if none is there and one may come; [`TryRecvError::Disconnected`] if
            /// none can come.
            pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
                self.rx.try_recv()
            }

            /// Closes the channel: nobody can send any more, and who waits for room gets an error. What is in
            /// the channel, and what is sent by those who have reserved a place, can still be received.
            pub fn close(&mut self) {
                self.rx.close();
            }

            /// Says whether the channel was closed, or all senders are gone. Messages may be left.
            pub fn is_closed(&self) -> bool {
                self.rx.is_closed()
            }

            /// Returns how many messages wait to be received.
            pub fn len(&self) -> usize {
                self.rx.len()
            }

            /// Says whether no message waits to be received.
            pub fn is_empty(&self) -> bool {
                self.rx.len() == 0
            }

            /// Returns how many senders there are, weak ones not counted.
            pub fn sender_strong_count(&self) -> usize {
                chan::strong_count(&self.rx.shared)
            }

            /// Returns how many weak senders there are.
            pub fn sender_weak_count(&self) -> usize {
                chan::weak_count(&self.rx.shared)
            }
        }

        impl<T: 'static> $Receiver<T> {
            /// Waits for the next message. `None` when no more can come: all senders are gone, or the channel
            /// was closed and is empty, with no place reserved.
            ///
            /// # Cancel safety
            ///
            /// Dropping the future leaves all messages in the channel, in order.
            pub fn recv(&mut self) -> Recv<'_, T> {
                Recv { rx: &mut self.rx }
            }

            /// Waits until a message is there, moves up to `limit` of those that are there to the end of
            /// `buffer`, and returns how many. Zero if no more can come, or if `limit` is zero.
            ///
            /// # Cancel safety
            ///
            /// Dropping the future leaves all messages in the channel, and `buffer` as it was.
            pub fn recv_many<'a>(
                &'a mut self,
                buffer: &'a mut Vec<T>,
                limit: usize,
            ) -> RecvMany<'a, T> {
                RecvMany { rx: &mut self.rx, buffer, limit }
            }

            /// Is ready with the next message, or `None` when no more can come. Otherwise sees to it that the
            /// waker of this poll, and of no other before it, is woken when it is worth asking again.
            pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
                self.rx.poll_recv(cx)
            }

            /// Does as [`poll_recv`](Self::poll_recv), with up to `limit` messages, which it moves to the end
            /// of `buffer`; ready with how many.
            pub fn poll_recv_many(
                &mut self,
                cx: &mut Context<'_>,
                buffer: &mut Vec<T>,
                limit: usize,
            ) -> Poll<usize> {
                self.rx.poll_recv_many(cx, buffer, limit)
            }
        }

        impl<T: 'static> Stream for $Receiver<T> {
            type Item = T;

            fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
                self.rx.poll_recv(cx)
            }
        }

        impl<T> fmt::Debug for $Receiver<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple($name).field(&self.rx).finish()
            }
        }
    };
}
