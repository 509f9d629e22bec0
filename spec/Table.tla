---------------------------- MODULE Table ----------------------------
(* A descriptor table over a pool: a lookup of number 0 while another thread
   changes what is there, drops it, and uses its slot again.

     1  lookup: number 0 points to slot 1 (object 1)
     2  driver: close(0): takes the entry out; the last put; release, free;
        object 2 in the same slot, and perhaps nowhere in the table
     3  lookup: inc-not-zero succeeds: a reference to object 2
     4  lookup: looks at the entry again: it has changed: not what it wanted

   Entries never move, so the second look is at the entry alone; the kernel
   looks at the table too, which it copies to grow it.

   Fix: "recheck"       the second look, and again until the entry is empty;
                        object 2 takes number 0
        "norecheck"     no second look; object 2 is installed nowhere
        "put_first"     close drops its reference before it clears the entry
        "dup_to"        number 0 is replaced by what number 1 has, and the slot
                        of what was there becomes object 3
        "light"         two users of the table; one puts object 2 in the place
                        of object 1 and goes, the other borrows without a
                        reference if it is alone by then, or else counts
        "light_shared"  the same without asking whether it is alone

   Code: impl/graceref/src/table/mod.rs, entries.rs, local.rs, reserved.rs *)
EXTENDS Integers, FiniteSets

CONSTANT Fix

ASSUME Fix \in {"recheck", "norecheck", "put_first", "dup_to", "light", "light_shared"}

Null == 0

Light  == Fix \in {"light", "light_shared"}
\* Slots of the pool: one, which is used again at once; or one that is, and one that is not.
Slots  == IF Fix = "dup_to" \/ Light THEN 1..2 ELSE {1}
Second == IF Light THEN 2 ELSE 1        \* the slot of the object that the driver installs

Drivers   == IF Fix = "dup_to" THEN {} ELSE {"driver"}
Replacers == IF Fix = "dup_to" THEN {"replacer"} ELSE {}
Lookups   == IF Light THEN {} ELSE {"lookup"}
Borrowers == IF Fix = "light" THEN {"borrower"} ELSE {}
Reckless  == IF Fix = "light_shared" THEN {"borrower"} ELSE {}

(*
--algorithm Table {
variables
  count = [s \in Slots |-> 1];          \* the slots' words: the table's reference, or the driver's
  entry = [n \in 0..1 |-> IF n = 0 THEN 1 ELSE IF Fix = "dup_to" THEN 2 ELSE Null];
  taken = IF Fix = "dup_to" THEN {0, 1} ELSE {0};
  lock  = FALSE;
  users = IF Light THEN 2 ELSE 1;       \* handles
  gen   = [s \in Slots |-> 1];          \* and their generations
  free  = [tag |-> 0, first |-> Null];
  next  = [s \in Slots |-> Null];
  \* ghosts
  object   = [s \in Slots |-> s];       \* which object the slot holds, or held last
  ever     = IF Fix = "dup_to" THEN {1, 2} ELSE {1};  \* objects that are put under number 0
  released = [o \in 1..3 |-> 0];

macro take_lock() {
  await ~lock;
  lock := TRUE;
}

macro release(slot) {
  released[object[slot]] := released[object[slot]] + 1;
}

macro push(tag, slot) {
  free := [tag |-> tag, first |-> slot];
}

fair process (driver \in Drivers)
variables dhead = Null; dtag = 0; dnext = Null;
{
drv_close_lock:
  take_lock();
drv_close_load:
  if (Fix # "put_first") { goto drv_close_clear };
drv_close_put:
  count[1] := count[1] - 1;
  if (count[1] # 0) { goto drv_close_clear };
drv_close_release:
  release(1);
drv_close_free_head:
  dhead := free.first;
  dtag  := free.tag;
drv_close_free_next:
  next[1] := dhead;
drv_close_free_push:
  if (free = [tag |-> dtag, first |-> dhead]) { push(dtag, 1) }
  else { goto drv_close_free_head };
drv_close_clear:
  entry[0] := Null;
  taken    := taken \ {0};
drv_close_unlock:
  lock := FALSE;
  if (Fix = "put_first") { goto drv_alloc_head };
drv_put:
  count[1] := count[1] - 1;
  if (count[1] # 0) {
    if (object[1] = 2) { goto Done }
    else { if (Light) { goto drv_reserve_lock } else { goto drv_alloc_head } }
  };
drv_release:
  release(1);
drv_free_head:
  dhead := free.first;
  dtag  := free.tag;
drv_free_next:
  next[1] := dhead;
drv_free_push:
  if (free = [tag |-> dtag, first |-> dhead]) {
    push(dtag, 1);
    if (object[1] = 2) { goto Done } else { if (Light) { goto drv_reserve_lock } }
  } else { goto drv_free_head };
drv_alloc_head:
  dhead := free.first;
  dtag  := free.tag;
  if (dhead # Null) { goto drv_alloc_next };
drv_alloc_fresh:
  goto Done;                            \* the lookup still holds object 1: the pool is full
drv_alloc_next:
  dnext := next[1];
drv_alloc_pop:
  if (free = [tag |-> dtag, first |-> dhead]) { free := [tag |-> dtag + 1, first |-> dnext] }
  else { goto drv_alloc_head };
drv_write:
  skip;
drv_init:
  count[1]  := 1;
  gen[1]    := 2;
  object[1] := 2;
drv_killed:                             \* nobody kills this pool
  if (Fix # "recheck") { goto drv_put };
drv_reserve_lock:
  take_lock();
  taken := taken \cup {0};
drv_reserve_unlock:
  lock := FALSE;
drv_install_store:
  entry[0] := Second;
  ever     := ever \cup {2};
  if (~Light) { goto Done };
drv_bye_exit:
  users := users - 1;
  if (users # 0) { goto Done };
drv_bye_put:
  count[2] := count[2] - 1;
drv_bye_release:
  release(2);
drv_bye_free_head:
  dhead := free.first;
  dtag  := free.tag;
drv_bye_free_next:
  next[2] := dhead;
drv_bye_free_push:
  if (free = [tag |-> dtag, first |-> dhead]) { push(dtag, 2) } else { goto drv_bye_free_head };
}

fair process (replacer \in Replacers)
variables rhead = Null; rtag = 0; rnext = Null;
{
rep_dup2_lock:
  take_lock();
rep_dup2_load:
  skip;
rep_dup2_look:
  skip;
rep_dup2_get:
  count[2] := count[2] + 1;
rep_dup2_store:
  entry[0] := 2;
rep_dup2_unlock:
  lock := FALSE;
rep_put:
  count[1] := count[1] - 1;
  if (count[1] # 0) { if (object[1] = 3) { goto Done } else { goto rep_alloc_head } };
rep_release:
  release(1);
rep_free_head:
  rhead := free.first;
  rtag  := free.tag;
rep_free_next:
  next[1] := rhead;
rep_free_push:
  if (free = [tag |-> rtag, first |-> rhead]) {
    push(rtag, 1);
    if (object[1] = 3) { goto Done }
  } else { goto rep_free_head };
rep_alloc_head:
  rhead := free.first;
  rtag  := free.tag;
  if (rhead # Null) { goto rep_alloc_next };
rep_alloc_fresh:
  goto Done;                            \* the lookup still holds object 1: the pool is full
rep_alloc_next:
  rnext := next[1];
rep_alloc_pop:
  if (free = [tag |-> rtag, first |-> rhead]) { free := [tag |-> rtag + 1, first |-> rnext] }
  else { goto rep_alloc_head };
rep_write:
  skip;
rep_init:
  count[1]  := 1;
  gen[1]    := 2;
  object[1] := 3;
rep_killed:
  goto rep_put;
}

fair process (lookup \in Lookups)
variables slot = Null; seen = 0; sgen = 0; mine = 0; undo = FALSE; lhead = Null; ltag = 0;
{
look_load:
  slot := entry[0];
  undo := FALSE;
  if (slot = Null) { goto Done };
look_get_load:
  seen := count[slot];
  sgen := gen[slot];
  if (seen = 0) { goto look_load };
look_get_cas:
  if (count[slot] # seen \/ gen[slot] # sgen) { goto look_get_load }
  else {
    count[slot] := seen + 1;
    if (Fix = "norecheck") { mine := object[slot]; goto look_use }
  };
look_recheck:
  if (entry[0] # slot) { undo := TRUE; goto look_put } else { mine := object[slot] };
look_use:
  skip;
look_put:
  count[slot] := count[slot] - 1;
  if (count[slot] # 0) { if (undo) { goto look_load } else { goto Done } };
look_release:
  release(slot);
look_free_head:
  lhead := free.first;
  ltag  := free.tag;
look_free_next:
  next[slot] := lhead;
look_free_push:
  if (free = [tag |-> ltag, first |-> lhead]) {
    push(ltag, slot);
    if (undo) { goto look_load }
  } else { goto look_free_head };
}

fair process (borrower \in Borrowers)
variables bslot = Null; bseen = 0; bsgen = 0; bmine = 0; bundo = FALSE; bhead = Null; btag = 0;
{
bor_users:
  if (users = 1) { goto bor_lend_load };
bor_load:
  bslot := entry[0];
  bundo := FALSE;
  if (bslot = Null) { goto bor_bye_exit };
bor_get_load:
  bseen := count[bslot];
  bsgen := gen[bslot];
  if (bseen = 0) { goto bor_load };
bor_get_cas:
  if (count[bslot] = bseen /\ gen[bslot] = bsgen) { count[bslot] := bseen + 1 } else { goto bor_get_load };
bor_recheck:
  if (entry[0] # bslot) { bundo := TRUE; goto bor_put } else { bmine := object[bslot] };
bor_use:
  skip;
bor_put:
  count[bslot] := count[bslot] - 1;
  if (count[bslot] # 0) { if (bundo) { goto bor_load } else { goto bor_bye_exit } };
bor_release:
  release(bslot);
bor_free_head:
  bhead := free.first;
  btag  := free.tag;
bor_free_next:
  next[bslot] := bhead;
bor_free_push:
  if (free = [tag |-> btag, first |-> bhead]) {
    push(btag, bslot);
    if (bundo) { goto bor_load } else { goto bor_bye_exit }
  } else { goto bor_free_head };
bor_lend_load:
  if (entry[0] = Null) { goto bor_bye_exit } else { bmine := object[entry[0]] };
bor_lend_use:
  skip;
bor_bye_exit:
  users := users - 1;
  if (users # 0) { goto Done };
bor_bye_put:
  count[2] := count[2] - 1;
bor_bye_release:
  release(2);
bor_bye_free_head:
  bhead := free.first;
  btag  := free.tag;
bor_bye_free_next:
  next[2] := bhead;
bor_bye_free_push:
  if (free = [tag |-> btag, first |-> bhead]) { push(btag, 2) } else { goto bor_bye_free_head };
}

fair process (reckless \in Reckless)
variables kmine = 0; khead = Null; ktag = 0;
{
rk_lend_load:
  if (entry[0] = Null) { goto rk_bye_exit } else { kmine := object[entry[0]] };
rk_lend_use:
  skip;
rk_bye_exit:
  users := users - 1;
  if (users # 0) { goto Done };
rk_bye_put:
  count[2] := count[2] - 1;
rk_bye_release:
  release(2);
rk_bye_free_head:
  khead := free.first;
  ktag  := free.tag;
rk_bye_free_next:
  next[2] := khead;
rk_bye_free_push:
  if (free = [tag |-> ktag, first |-> khead]) { push(ktag, 2) } else { goto rk_bye_free_head };
}
}
*)
\* BEGIN TRANSLATION
\* END TRANSLATION

-----------------------------------------------------------------------------
Threads == Drivers \cup Replacers \cup Lookups \cup Borrowers \cup Reckless

At(labels) == {t \in Threads : pc[t] \in labels}

\* What a thread uses, when it uses something.
Mine(t) ==
  CASE t \in Lookups   -> mine[t]
    [] t \in Borrowers -> bmine[t]
    [] OTHER           -> kmine[t]

Using == {"look_use", "bor_use", "bor_lend_use", "rk_lend_use"}

\* Who drops the table; from here on its memory is nobody's.
Closing ==
  At({"drv_bye_put", "drv_bye_release", "drv_bye_free_head", "drv_bye_free_next", "drv_bye_free_push",
      "bor_bye_put", "bor_bye_release", "bor_bye_free_head", "bor_bye_free_next", "bor_bye_free_push",
      "rk_bye_put", "rk_bye_release", "rk_bye_free_head", "rk_bye_free_next", "rk_bye_free_push"})

Gone == users = 0

\* The entries of a table that lives, or whose last handle is still to drop them.
Owning == {n \in 0..1 : ~Gone \/ At({"drv_bye_put", "bor_bye_put", "rk_bye_put"}) # {}}

\* Threads with a reference of their own to what is in the slot.
Holders(s) ==
  {t \in Threads :
    \/ /\ s = 1
       /\ pc[t] \in {"drv_killed", "drv_put", "rep_killed", "rep_put"}
          \/ (pc[t] = "drv_close_unlock" /\ Fix # "put_first")
          \/ (~Light /\ pc[t] \in {"drv_reserve_lock", "drv_reserve_unlock", "drv_install_store"})
          \/ pc[t] = "rep_dup2_unlock"
    \/ s = 2 /\ (pc[t] = "rep_dup2_store"
                 \/ (t \in Drivers /\ Light /\ entry[0] # 2 /\ ~Gone))
    \/ t \in Lookups /\ s = slot[t] /\ pc[t] \in {"look_recheck", "look_use", "look_put"}
    \/ t \in Borrowers /\ s = bslot[t] /\ pc[t] \in {"bor_recheck", "bor_use", "bor_put"}}

\* Threads that own the slot because nothing lives in it, from the last put to the free list and from there to init.
Owners(s) ==
  {t \in Threads :
    \/ s = 1 /\ pc[t] \in
         {"drv_close_release", "drv_close_free_head", "drv_close_free_next", "drv_close_free_push",
          "drv_release", "drv_free_head", "drv_free_next", "drv_free_push", "drv_write", "drv_init",
          "rep_release", "rep_free_head", "rep_free_next", "rep_free_push", "rep_write", "rep_init"}
    \/ t \in Lookups /\ s = slot[t]
       /\ pc[t] \in {"look_release", "look_free_head", "look_free_next", "look_free_push"}
    \/ t \in Borrowers /\ s = bslot[t]
       /\ pc[t] \in {"bor_release", "bor_free_head", "bor_free_next", "bor_free_push"}
    \/ s = 2 /\ t \in Closing /\ pc[t] \notin {"drv_bye_put", "bor_bye_put", "rk_bye_put"}}

Refs(s) == Cardinality(Holders(s)) + Cardinality({n \in Owning : entry[n] = s})

TypeOK ==
  /\ count \in [Slots -> 0..3]
  /\ DOMAIN entry = 0..1 /\ taken \subseteq 0..1
  /\ lock \in BOOLEAN /\ users \in 0..2
  /\ free.tag \in 0..1 /\ gen \in [Slots -> 1..2]
  /\ object \in [Slots -> 1..3] /\ ever \subseteq 1..3
  /\ released \in [1..3 -> 0..2]

\* Whatever is followed as a pointer points to a slot of the pool.
NoForeignSlot ==
  /\ \A n \in 0..1 : entry[n] \in Slots \cup {Null}
  /\ \A s \in Slots : next[s] \in Slots \cup {Null}
  /\ free.first \in Slots \cup {Null}

\* Every reference is counted, and nothing else is: those of the entries, and those of the threads.
CountIsRefs == \A s \in Slots : count[s] = Refs(s)

ReleasedOnce == \A o \in 1..3 : released[o] <= 1

\* The slot of a held object is nobody else's.
NoReuseWhileHeld ==
  \A s \in Slots : Refs(s) # 0 => released[object[s]] = 0 /\ free.first # s /\ Owners(s) = {}

NoSharedFree ==
  \A s \in Slots : Cardinality(Owners(s)) <= 1 /\ (free.first = s => Owners(s) = {})

\* What is used is alive.
NoUseAfterFree == \A t \in At(Using) : released[Mine(t)] = 0

\* The table's own memory goes with its last handle, and is one thread's then.
NoUseAfterExit ==
  /\ Cardinality(Closing) <= 1
  /\ Gone => \A t \in Threads : pc[t] = "Done" \/ t \in Closing

\* What a lookup returns was under the number during the call: each lookup is one call, which begins with the behaviour.
RightObject ==
  \A t \in At(Using) :
    /\ Mine(t) \in ever
    /\ Fix = "dup_to" /\ Mine(t) = 2 => entry[0] = 2     \* where it stays, once it is there

\* Where something is found, the number is taken.
FoundIsTaken == \A n \in 0..1 : entry[n] # Null => n \in taken

NothingLeft ==
  (\A t \in Threads : pc[t] = "Done")
    => /\ ~lock
       /\ Light => Gone /\ \A s \in Slots : count[s] = 0 /\ released[s] = 1
       /\ ~Light => \A s \in Slots : count[s] = Cardinality({n \in 0..1 : entry[n] = s})

\* Witnesses: these must fail.
NeverUndone   == \A t \in Lookups : pc[t] = "look_put" => ~undo[t]
NeverReused   == object[1] = 1
NeverAlone    == \A t \in Borrowers : pc[t] # "bor_lend_use"
NeverReplaced == \A t \in Lookups : mine[t] # 2
\* A lookup meets the dead object in the entry.
NeverRefused  == \A t \in Lookups : ~(pc[t] = "look_get_load" /\ count[slot[t]] = 0 /\ entry[0] = slot[t])

\* Liveness: the lookup ends, whatever becomes of the driver.
SpecLookupAlone == Init /\ [][Next]_vars /\ \A self \in Lookups : WF_vars(lookup(self))
LookupEnds      == \A t \in Lookups : <>(pc[t] = "Done")

\* Somebody scribbles over the state: every invariant must notice, else it says nothing.
Scribble ==
  /\ count' \in {[s \in Slots |-> n] : n \in {0, 1, 9}}
  /\ entry' \in {[n \in 0..1 |-> s] : s \in {Null, 1}} /\ next' \in {[s \in Slots |-> n] : n \in {Null, 9}}
  /\ taken' \in {{}, {0}} /\ users' \in {0, 1}
  /\ free' \in {[tag |-> 0, first |-> Null], [tag |-> 0, first |-> 1]}
  /\ object' \in {[s \in Slots |-> o] : o \in 1..2}
  /\ released' \in {[o \in 1..3 |-> 0], [o \in 1..3 |-> 2]}
  /\ UNCHANGED <<pc, lock, ever, dhead, dtag, dnext, rhead, rtag, rnext, slot, seen, sgen, gen, mine, undo, lhead,
                 ltag, bslot, bseen, bsgen, bmine, bundo, bhead, btag, kmine, khead, ktag>>
SpecScribbled == Init /\ [][Next \/ Scribble]_vars
=============================================================================
