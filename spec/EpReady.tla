---------------------------- MODULE EpReady ----------------------------
(* The ready list of an epoll while epoll_wait goes through it.

   epoll_wait takes the whole list for itself; what becomes ready meanwhile
   goes to the overflow list, and at the end from there to the ready list, with
   what epoll_wait has taken and could not report. Whoever asks whether there is
   anything looks at both, without a lock:

     1  epoll_wait: takes the ready list, the overflow list is open
     2  other: the ready list is empty
     3  epoll_wait: the item is ready still, and back on the list; the overflow
        list is closed
     4  other: the overflow list is closed: nothing is ready

   Fix: "seqcount"   a second look if either list was switched meanwhile
        "twice"      two looks, as up to 2025
        "dropped"    what becomes ready meanwhile is not kept at all
        "unspliced"  what could not be reported is not kept
   Other: "look"  asks with a timeout of zero; the item is ready throughout
          "wake"  the file becomes ready; the item is edge-triggered
   Fault: the caller's memory cannot be written to, and nothing is reported

   Code: impl/lifetimes/src/ep_ready.rs *)
EXTENDS Integers

CONSTANTS Fix, Other, Fault

ASSUME Fix \in {"seqcount", "twice", "dropped", "unspliced"}
ASSUME Other \in {"look", "wake"} /\ Fault \in BOOLEAN

(*
--algorithm EpReady {
variables
  lock    = FALSE;                      \* ep->lock
  rdllist = TRUE;                       \* the item is on the ready list,
  ovflist = FALSE;                      \* or on the overflow list,
  open    = FALSE;                      \* which is open
  seq     = 0;                          \* how often the lists were switched; odd meanwhile
  ready   = (Other = "look");           \* the file is
  \* ghosts
  told    = FALSE;                      \* epoll_wait has reported the event
  missed  = FALSE;                      \* a look saw nothing

\* ep_send_events
fair process (scan \in {"scan"})
variables got = FALSE; rest = FALSE;    \* rest: what is left on txlist
{
scan_lock:                              \* ep_start_scan
  await ~lock;
  lock := TRUE;
scan_seq:
  seq := seq + 1;
scan_splice:
  rdllist := FALSE;
scan_open:
  open := TRUE;
scan_seq_end:
  seq := seq + 1;
scan_unlock:
  lock := FALSE;
scan_poll:                              \* ep_item_poll, epoll_put_uevent
  got  := ready;
  told := got /\ ~Fault;
  rest := got /\ Fault;
  if (~told \/ Other = "wake") { goto scan_done_lock };
scan_requeue:                           \* level-triggered: it stays on the list
  rdllist := TRUE;
scan_done_lock:                         \* ep_done_scan
  await ~lock;
  lock := TRUE;
scan_done_seq:
  seq := seq + 1;
scan_done_drain:                        \* what is on txlist stays there
  got := ovflist /\ ~rest;
  ovflist := FALSE;
  if (~got) { goto scan_done_close };
scan_done_add:
  rdllist := TRUE;
scan_done_close:
  open := FALSE;
  if (~rest \/ Fix = "unspliced") { goto scan_done_seq_end };
scan_done_splice:                       \* the rest of txlist
  rdllist := TRUE;
scan_done_seq_end:
  seq := seq + 1;
scan_done_unlock:
  lock := FALSE;
}

\* epoll_wait with a timeout of zero: ep_events_available
fair process (look \in IF Other = "look" THEN {"look"} ELSE {})
variables before = 0; some = FALSE;
{
look_rdllist:
  some := rdllist;
look_open:
  some := some \/ open;
  if (Fix = "twice" ) { missed := ~some; goto Done };
look_seq:
  if (seq # before \/ seq % 2 = 1) { before := seq; goto look_rdllist }
  else { missed := ~some };
}

\* ep_poll_callback
fair process (wake \in IF Other = "wake" THEN {"wake"} ELSE {})
{
wake_event:
  ready := TRUE;
wake_lock:
  await ~lock;
  lock := TRUE;
  if (~open) { goto wake_add } else { if (Fix = "dropped") { goto wake_unlock } };
wake_overflow:
  ovflist := TRUE;
  goto wake_unlock;
wake_add:
  rdllist := TRUE;
wake_unlock:
  lock := FALSE;
}
}
*)
\* BEGIN TRANSLATION
\* END TRANSLATION

-----------------------------------------------------------------------------
Tasks == {"scan", IF Other = "look" THEN "look" ELSE "wake"}

TypeOK ==
  /\ lock \in BOOLEAN /\ rdllist \in BOOLEAN /\ ovflist \in BOOLEAN /\ open \in BOOLEAN /\ seq \in 0..4
  /\ ready \in BOOLEAN /\ told \in BOOLEAN /\ missed \in BOOLEAN

\* What became ready before or while epoll_wait went through the list is reported or on the list.
NoLostWakeup == (\A t \in Tasks : pc[t] = "Done") => (ready => told \/ rdllist)

\* An item that is ready throughout is seen.
NoMissedEvent == ~missed

NothingLeft == (\A t \in Tasks : pc[t] = "Done") => ~lock /\ ~open /\ ~ovflist /\ seq % 2 = 0

\* Baits and witnesses: these must fail.
NeverOverflows == ~ovflist
NeverTold      == ~told
NeverAgain     == Other # "look" \/ ~(pc["look"] = "look_seq" /\ seq # before["look"])

\* Liveness.
BothEnd == <>(\A t \in Tasks : pc[t] = "Done")

\* Somebody scribbles over the state: every invariant must notice, else it says nothing.
Scribble ==
  /\ told' \in {told, FALSE} /\ missed' \in BOOLEAN /\ seq' \in {seq, 99} /\ rdllist' \in BOOLEAN
  /\ UNCHANGED <<pc, lock, ovflist, open, ready, got, rest, before, some>>
SpecScribbled == Init /\ [][Next \/ Scribble]_vars

\* Nobody promises to go on: every liveness property must fail.
SpecUnfair == Init /\ [][Next]_vars
=============================================================================
