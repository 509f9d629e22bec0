---------------------------- MODULE Rcu ----------------------------
(* Read-copy-update with a counter of grace periods that never wraps.

   A reader stamps its record with the counter when it enters, and with 0 when
   it leaves. An updater unlinks, takes a snapshot, and asks until a grace
   period that began after it is over: begin, heavy fence, counter + 1, open,
   then no reader may be left with a stamp below the new counter.

     1  reader:  enters, finds the object
     2  updater: unlinks; is anybody inside with an older stamp? Nobody has
        one, for the counter was not moved
     3  updater: frees what the reader is looking at

     1  another: begins a grace period of its own
     2  reader:  enters with the new stamp, finds the object
     3  updater: unlinks, and waits for that period: it does not wait for this
        reader
     4  updater: frees what the reader is looking at

   Memory is sequentially consistent here; Membarrier.tla has the fences.

   Fix: "wait"    what the code does
        "nowait"  frees at once
        "nobump"  looks at the readers, but does not move the counter
        "join"    a snapshot is content with the period that is under way
        "first"   looks at the first reader only

   Code: impl/graceref/src/rcu/record.rs, period.rs, mod.rs *)
EXTENDS Integers, FiniteSets

CONSTANTS
  Fix,
  Readers,      \* they look at the first updater's object
  Updaters,     \* each unlinks and frees its own
  Patient       \* whether an updater asks again, or gives up and frees nothing

ASSUME Fix \in {"wait", "nowait", "nobump", "join", "first"}
ASSUME Readers \subseteq {"reader", "reader2"}
ASSUME Updaters \subseteq {"updater", "updater2"}
ASSUME Patient => Updaters = {"updater"}

Out == 0

\* periods is Period * (periods that are over) + phase.
Begins == 1
Opened == 2
Period == 4

Phase(p) == p % Period

\* What the counter is from the period on that follows p.
Stamp(p) == p \div Period + 2

\* The readers in the order of their records.
Nth(n) == IF n = 1 THEN "reader" ELSE "reader2"

Due(p) ==
  IF Phase(p) = 0 \/ Fix = "join" THEN p - Phase(p) + Period ELSE p - Phase(p) + 2 * Period

\* Whether a reader with this stamp holds the period back.
Blocks(stamp, p) == stamp # Out /\ stamp < (IF Fix = "nobump" THEN Stamp(p) - 1 ELSE Stamp(p))

(*
--algorithm Rcu {
variables
  counter = 1;                          \* the stamp of whoever enters now
  periods = 0;
  state   = [r \in Readers |-> Out];    \* each record's stamp
  linked  = [u \in Updaters |-> TRUE];
  \* ghosts
  freed   = [u \in Updaters |-> FALSE];

fair process (read \in Readers)
variables stamp = 0;
{
read_count:
  stamp := counter;
read_enter:
  state[self] := stamp;
read_link:
  if (~linked["updater"]) { goto read_leave };
read_use:
  skip;
read_leave:
  state[self] := Out;
read_hint:                              \* whether deferred work waits: never, here
  skip;
}

fair process (update \in Updaters)
variables due = 0; now = 0; nth = 0;
{
upd_unlink:
  linked[self] := FALSE;
  if (Fix = "nowait") { goto upd_free };
upd_snapshot:
  due := Due(periods);
upd_period:
  now := periods;
  if (now >= due) { if (Patient) { goto upd_hint } else { goto upd_free } }
  else { if (Phase(now) = Begins) { goto Done }
  else { if (Phase(now) = Opened) { goto upd_head } } };
upd_begin:
  if (periods # now) { goto upd_period }
  else { periods := now + Begins; if (Fix = "nobump") { goto upd_open } };
upd_bump:
  counter := Stamp(now);
upd_open:
  periods := now + Opened;
  goto upd_period;
upd_head:
  nth := 1;
upd_look:
  if (Blocks(state[Nth(nth)], now)) { if (Patient) { goto upd_period } else { goto Done } }
  else { if (Fix = "first") { goto upd_end } };
upd_next:
  if (nth < Cardinality(Readers)) { nth := nth + 1; goto upd_look };
upd_end:
  if (periods = now) { periods := now - Opened + Period };
  goto upd_period;
upd_hint:
  skip;
upd_free:
  freed[self] := TRUE;
}
}
*)
\* BEGIN TRANSLATION
\* END TRANSLATION

-----------------------------------------------------------------------------
Threads == Readers \cup Updaters

Inside == {r \in Readers : state[r] # Out}

TypeOK ==
  /\ counter \in 1..4 /\ periods \in 0..12
  /\ state \in [Readers -> 0..4]
  /\ linked \in [Updaters -> BOOLEAN] /\ freed \in [Updaters -> BOOLEAN]

\* The counter never goes back, so no stamp is from the future.
StampsAreOld == \A r \in Readers : state[r] <= counter

\* The counter is moved between the beginning and the opening of a period, once.
CounterFollows ==
  counter \in (IF Phase(periods) = 0 THEN {Stamp(periods) - 1}
               ELSE IF Phase(periods) = Begins THEN {Stamp(periods) - 1, Stamp(periods)}
               ELSE {Stamp(periods)})

\* Whoever is about to free has nobody inside who may have found the object.
GracePeriod == pc["updater"] = "upd_free" => \A r \in Readers : pc[r] # "read_use"

\* What is used is alive.
NoUseAfterFree == freed["updater"] => \A r \in Readers : pc[r] # "read_use"

NothingLeft ==
  (\A t \in Threads : pc[t] = "Done")
    => Inside = {} /\ (Patient => \A u \in Updaters : freed[u])

\* Witnesses: these must fail.
NeverHeldBack == ~\E r \in Readers : pc["updater"] = "upd_look" /\ Blocks(state[r], now["updater"])
NeverLate     == ~\E r \in Readers : pc["updater"] = "upd_free" /\ state[r] # Out
NeverFreed    == ~freed["updater"]

\* Liveness: an updater that asks again frees in the end, if the readers go on.
Freed == <>freed["updater"]

\* A reader never waits, whatever becomes of the updaters.
SpecReadersAlone == Init /\ [][Next]_vars /\ \A self \in Readers : WF_vars(read(self))
ReadersEnd       == <>(\A r \in Readers : pc[r] = "Done")

\* Nobody promises to go on: every liveness property must fail.
SpecUnfair == Init /\ [][Next]_vars

\* Somebody scribbles over the state: every invariant must notice, else it says nothing.
Scribble ==
  /\ counter' \in {1, 2, 9} /\ freed' \in [Updaters -> BOOLEAN]
  /\ state' \in [Readers -> {Out, 1, 3}]
  /\ pc' \in {pc, [pc EXCEPT !["updater"] = "upd_free"]}
  /\ UNCHANGED <<periods, linked, stamp, due, now, nth>>
SpecScribbled == Init /\ [][Next \/ Scribble]_vars
=============================================================================
