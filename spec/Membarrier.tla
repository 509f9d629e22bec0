---------------------------- MODULE Membarrier ----------------------------
(* The reader's fast path: no fence, since the updater makes the reader's
   processor pass one.

   Rcu.tla with a store buffer, as x86 has: the reader's stores to its record
   wait in it, oldest first, and anybody but the reader sees them only when they
   have left. They leave one by one whenever the processor likes (cpu, cpu2), or
   all at once at a fence of the reader's or at the updater's membarrier.

     1  reader:  stamps its record; the stamp is in the store buffer
     2  reader:  finds the object
     3  updater: unlinks, looks at the record: nobody inside
     4  updater: frees what the reader is looking at

   The updater's own stores take effect at once: its unlinking is followed by a
   fence (in the snapshot), and a counter that moves late makes readers look
   older than they are, no more.

   Fix: "fence"       the reader has a fence, the updater's is its own only
        "membarrier"  the reader has none, the updater drains its buffer
        "none"        neither

   Code: impl/graceref/src/sync/asym.rs, impl/graceref/src/sync/asym/modelled.rs,
         impl/graceref/src/rcu/record.rs, period.rs *)
EXTENDS Integers, Sequences

CONSTANT Fix

ASSUME Fix \in {"fence", "membarrier", "none"}

Out == 0

\* As in Rcu.tla.
Opened == 2
Period == 4

Phase(p) == p % Period

Stamp(p) == p \div Period + 2

Blocks(stamp, p) == stamp # Out /\ stamp < Stamp(p)

(*
--algorithm Membarrier {
variables
  counter = 1;                          \* the stamp of whoever enters now
  periods = 0;
  state   = Out;                        \* the reader's record, as others see it
  buffer  = << >>;                      \* the reader's stores to it that nobody sees yet
  linked  = TRUE;
  \* ghosts
  freed   = FALSE;

macro drain() {
  if (buffer # << >>) { state := buffer[Len(buffer)]; buffer := << >> };
}

fair process (read \in {"reader"})
variables stamp = 0;
{
read_count:
  stamp := counter;
read_enter:
  buffer := Append(buffer, stamp);
  if (Fix # "fence") { goto read_link };
read_fence:
  drain();
read_link:
  if (~linked) { goto read_leave };
read_use:
  skip;
read_leave:
  buffer := Append(buffer, Out);
read_hint:
  skip;
}

fair process (update \in {"updater"})
variables due = 0; now = 0;
{
upd_unlink:
  linked := FALSE;
upd_snapshot:
  due := Period;
upd_period:
  now := periods;
  if (now >= due) { goto upd_free }
  else { if (Phase(now) = Opened) { goto upd_head } };
upd_begin:
  periods := now + 1;
  if (Fix # "membarrier") { goto upd_bump };
upd_barrier:
  drain();
upd_bump:
  counter := Stamp(now);
upd_open:
  periods := now + Opened;
  goto upd_period;
upd_head:
  skip;
upd_look:
  if (Blocks(state, now)) { goto Done };
upd_next:
  skip;
upd_end:
  periods := now - Opened + Period;
  goto upd_period;
upd_free:
  freed := TRUE;
}

\* The processor lets the oldest store be seen. There are two stores.
fair process (cpu \in {"cpu", "cpu2"})
{
cpu_drain:
  if (buffer # << >>) { state := Head(buffer); buffer := Tail(buffer) };
}
}
*)
\* BEGIN TRANSLATION
\* END TRANSLATION

-----------------------------------------------------------------------------
Threads == {"reader", "updater", "cpu", "cpu2"}

\* The record as the reader itself sees it.
Own == IF buffer = << >> THEN state ELSE buffer[Len(buffer)]

TypeOK ==
  /\ counter \in 1..2 /\ periods \in 0..4
  /\ state \in 0..2
  /\ Len(buffer) <= 2 /\ \A i \in 1..Len(buffer) : buffer[i] \in 0..2
  /\ linked \in BOOLEAN /\ freed \in BOOLEAN

StampIsOld == Own <= counter

\* Whoever is about to free has nobody inside who may have found the object.
GracePeriod == pc["updater"] = "upd_free" => pc["reader"] # "read_use"

\* What is used is alive.
NoUseAfterFree == freed => pc["reader"] # "read_use"

NothingLeft == (\A t \in Threads : pc[t] = "Done") => Own = Out

\* Witnesses: these must fail.
NeverDrained == ~(pc["updater"] = "upd_barrier" /\ buffer # << >> /\ pc["reader"] = "read_use")
NeverFreed   == ~freed

\* Somebody scribbles over the state: every invariant must notice, else it says nothing.
Scribble ==
  /\ counter' \in {1, 2, 9} /\ freed' \in BOOLEAN
  /\ state' \in {Out, 1, 3} /\ buffer' \in {<< >>, <<1>>}
  /\ pc' \in {pc, [pc EXCEPT !["updater"] = "upd_free"]}
  /\ UNCHANGED <<periods, linked, stamp, due, now>>
SpecScribbled == Init /\ [][Next \/ Scribble]_vars
=============================================================================
