"""Driver: the function that runs a plan step by step and part by part, on one thread or several.

A part's units belong to the threads in equal shares, but a thread that is done with its own takes of the others', a few
at a time, and none waits for a thread, only for units: one that the system has put to sleep holds up no other, unless
in the middle of some. Which thread does a unit never shows in a result. Waiting is a short spin and then sleep, until
the thread that does the last unit of what is waited for wakes the others.
"""

import sys
from functools import cache
from platform import machine

from xpnet.capture.engines.cpu.text import NAME, name_of

PATIENCE = 1000
"""Turns that a waiting thread spins before it sleeps."""

FIELDS = 8
"""Words of a part: function, place of its addresses, total, chunk, the first and the one after the last of the parts
that it waits for, how many steps ago these were, and one to spare."""

PLACES = 4
"""Words of an address that moves with the step: place in the table, first address, bytes per number, numbers or 0."""

APART = 64
"""Bytes between counters of different threads, so that they do not share a cache line."""


@cache
def driver_module() -> str:
    """Module of the function (plan, thread, threads, steps, table, own).

    The plan is words: how many parts there are, how many places, the addresses of both, of a counter for each part and
    thread, of the units done of each part, and of how many threads sleep. Counters are a step's number and units taken.
    """
    wait, wake = _sleep()
    text = _TEXT.format(
        name=NAME, patience=PATIENCE, fields=FIELDS, places=PLACES, apart=APART, wait=wait, wake=wake, pause=_pause()
    )
    return text.replace(NAME, f"@{name_of(text)}")


def _pause() -> str:
    """Instruction that tells a CPU that a loop only waits."""
    if machine().lower() in ("x86_64", "amd64"):
        return "call void @llvm.x86.sse2.pause()"
    return "call void @llvm.aarch64.hint(i32 1)" if machine().lower() in ("aarch64", "arm64") else ""


def _sleep() -> tuple[str, str]:
    """Calls that put a thread to sleep while the word at %done.at is %seen, and that wake those asleep."""
    call = {"x86_64": 202, "aarch64": 98}.get(machine())
    if sys.platform == "linux" and call is not None:
        # A futex, private to the process.
        begin = f"call i64 (i64, ...) @syscall(i64 {call}, ptr %done.at, i64"
        return f"{begin} 128, i64 %seen.word, ptr null)", f"{begin} 129, i64 2147483647)"
    return "call i32 @xpnet_yield()", "call i32 @xpnet_yield()"


_TEXT = """declare i64 @syscall(i64, ...)
declare i32 @xpnet_yield()
declare void @llvm.x86.sse2.pause()
declare void @llvm.aarch64.hint(i32)

define internal i64 @word(ptr %words, i64 %at) alwaysinline {{
  %place = getelementptr i64, ptr %words, i64 %at
  %word = load i64, ptr %place
  ret i64 %word
}}

define internal ptr @address(ptr %words, i64 %at) alwaysinline {{
  %place = getelementptr i64, ptr %words, i64 %at
  %word = load ptr, ptr %place
  ret ptr %word
}}

define internal void @move(ptr %plan, i64 %step, ptr %table) {{
entry:
  %count = call i64 @word(ptr %plan, i64 1)
  %places = call ptr @address(ptr %plan, i64 3)
  br label %head
head:
  %i = phi i64 [0, %entry], [%next, %put]
  %more = icmp slt i64 %i, %count
  br i1 %more, label %body, label %done
body:
  %offset = mul i64 %i, {places}
  %place = getelementptr i64, ptr %places, i64 %offset
  %at = call i64 @word(ptr %place, i64 0)
  %base = call i64 @word(ptr %place, i64 1)
  %bytes = call i64 @word(ptr %place, i64 2)
  %numbers = call ptr @address(ptr %place, i64 3)
  %is.step = icmp eq ptr %numbers, null
  br i1 %is.step, label %put, label %read
read:
  %number = call i64 @word(ptr %numbers, i64 %step)
  br label %put
put:
  %by = phi i64 [%step, %body], [%number, %read]
  %on = mul i64 %by, %bytes
  %address = add i64 %base, %on
  %into = getelementptr i64, ptr %table, i64 %at
  store i64 %address, ptr %into
  %next = add i64 %i, 1
  br label %head
done:
  ret void
}}

define internal i64 @take(ptr %counter, i64 %step, i64 %from, i64 %to) {{
entry:
  %first = load atomic i64, ptr %counter monotonic, align 8
  br label %look
look:
  %seen = phi i64 [%first, %entry], [%now, %try]
  %seen.step = lshr i64 %seen, 32
  %is.later = icmp ugt i64 %seen.step, %step
  br i1 %is.later, label %none, label %ours
ours:
  %is.ours = icmp eq i64 %seen.step, %step
  %low = and i64 %seen, 4294967295
  %taken = select i1 %is.ours, i64 %low, i64 0
  %unit = add i64 %from, %taken
  %is.some = icmp slt i64 %unit, %to
  br i1 %is.some, label %try, label %none
try:
  %one.more = add i64 %taken, 1
  %high = shl i64 %step, 32
  %new = or i64 %high, %one.more
  %pair = cmpxchg ptr %counter, i64 %seen, i64 %new acq_rel monotonic, align 8
  %now = extractvalue {{i64, i1}} %pair, 0
  %got = extractvalue {{i64, i1}} %pair, 1
  br i1 %got, label %have, label %look
have:
  ret i64 %unit
none:
  ret i64 -1
}}

define internal void @finish(ptr %plan, ptr %done.at, i64 %all) {{
entry:
  %before = atomicrmw add ptr %done.at, i64 1 seq_cst
  %now = add i64 %before, 1
  %is.last = icmp eq i64 %now, %all
  br i1 %is.last, label %last, label %end
last:
  %sleepers.at = call ptr @address(ptr %plan, i64 6)
  %sleepers = load atomic i64, ptr %sleepers.at seq_cst, align 8
  %some = icmp sgt i64 %sleepers, 0
  br i1 %some, label %wake, label %end
wake:
  {wake}
  br label %end
end:
  ret void
}}

define internal void @await(ptr %plan, ptr %done.at, i64 %all) {{
entry:
  br label %look
look:
  %looked = phi i64 [0, %entry], [%again, %on], [0, %slept]
  %seen = load atomic i64, ptr %done.at seq_cst, align 8
  %is.done = icmp sge i64 %seen, %all
  br i1 %is.done, label %end, label %on.or.sleep
on.or.sleep:
  %again = add i64 %looked, 1
  %is.patient = icmp slt i64 %looked, {patience}
  br i1 %is.patient, label %on, label %sleep
on:
  {pause}
  br label %look
sleep:
  %sleepers.at = call ptr @address(ptr %plan, i64 6)
  %more = atomicrmw add ptr %sleepers.at, i64 1 seq_cst
  %seen.again = load atomic i64, ptr %done.at seq_cst, align 8
  %seen.word = and i64 %seen.again, 4294967295
  %is.done.now = icmp sge i64 %seen.again, %all
  br i1 %is.done.now, label %slept, label %wait
wait:
  {wait}
  br label %slept
slept:
  %less = atomicrmw sub ptr %sleepers.at, i64 1 seq_cst
  br label %look
end:
  ret void
}}

define internal void @share(ptr %plan, i64 %p, ptr %part, i64 %thread, i64 %threads, i64 %step, ptr %table, ptr %own) {{
entry:
  %function = call ptr @address(ptr %part, i64 0)
  %at = call i64 @word(ptr %part, i64 1)
  %arguments = getelementptr i64, ptr %table, i64 %at
  %total = call i64 @word(ptr %part, i64 2)
  %chunk = call i64 @word(ptr %part, i64 3)
  %rounded = add i64 %total, %chunk
  %rounded.down = sub i64 %rounded, 1
  %units = sdiv i64 %rounded.down, %chunk
  %counters = call ptr @address(ptr %plan, i64 4)
  %dones = call ptr @address(ptr %plan, i64 5)
  %done.off = mul i64 %p, {apart}
  %done.at = getelementptr i8, ptr %dones, i64 %done.off
  %all = mul i64 %units, %step
  %counters.off = mul i64 %done.off, %threads
  %own.counters = getelementptr i8, ptr %counters, i64 %counters.off
  br label %other
other:
  %k = phi i64 [0, %entry], [%k.next, %next]
  %is.other = icmp slt i64 %k, %threads
  br i1 %is.other, label %take.of, label %end
take.of:
  %sum = add i64 %thread, %k
  %whose = urem i64 %sum, %threads
  %begin.by = mul i64 %units, %whose
  %from = udiv i64 %begin.by, %threads
  %whose.next = add i64 %whose, 1
  %end.by = mul i64 %units, %whose.next
  %to = udiv i64 %end.by, %threads
  %counter.off = mul i64 %whose, {apart}
  %counter = getelementptr i8, ptr %own.counters, i64 %counter.off
  br label %again
again:
  %unit = call i64 @take(ptr %counter, i64 %step, i64 %from, i64 %to)
  %is.none = icmp slt i64 %unit, 0
  br i1 %is.none, label %next, label %do
do:
  %begin = mul i64 %unit, %chunk
  %begin.and = add i64 %begin, %chunk
  %last = call i64 @llvm.smin.i64(i64 %begin.and, i64 %total)
  call void %function(ptr %arguments, ptr %own, i64 %begin, i64 %last)
  call void @finish(ptr %plan, ptr %done.at, i64 %all)
  br label %again
next:
  %k.next = add i64 %k, 1
  br label %other
end:
  ret void
}}

define internal void @until(ptr %plan, ptr %parts, i64 %first, i64 %end, i64 %step) {{
entry:
  %dones = call ptr @address(ptr %plan, i64 5)
  br label %head
head:
  %p = phi i64 [%first, %entry], [%next, %body]
  %more = icmp slt i64 %p, %end
  br i1 %more, label %body, label %out
body:
  %offset = mul i64 %p, {fields}
  %part = getelementptr i64, ptr %parts, i64 %offset
  %total = call i64 @word(ptr %part, i64 2)
  %chunk = call i64 @word(ptr %part, i64 3)
  %rounded = add i64 %total, %chunk
  %rounded.down = sub i64 %rounded, 1
  %units = sdiv i64 %rounded.down, %chunk
  %all = mul i64 %units, %step
  %done.off = mul i64 %p, {apart}
  %done.at = getelementptr i8, ptr %dones, i64 %done.off
  call void @await(ptr %plan, ptr %done.at, i64 %all)
  %next = add i64 %p, 1
  br label %head
out:
  ret void
}}

declare i64 @llvm.smin.i64(i64, i64)

define void {name}(ptr %plan, i64 %thread, i64 %threads, i64 %steps, ptr %table, ptr %own) {{
entry:
  %count = call i64 @word(ptr %plan, i64 0)
  %parts = call ptr @address(ptr %plan, i64 2)
  %mark.at = getelementptr i8, ptr %own, i64 8
  %is.alone = icmp eq i64 %threads, 1
  br label %step.head
step.head:
  %step = phi i64 [0, %entry], [%number, %step.next]
  %is.step = icmp slt i64 %step, %steps
  br i1 %is.step, label %step.body, label %end
step.body:
  %number = add i64 %step, 1
  call void @move(ptr %plan, i64 %step, ptr %table)
  br label %part.head
part.head:
  %p = phi i64 [0, %step.body], [%p.next, %part.next]
  %is.part = icmp slt i64 %p, %count
  br i1 %is.part, label %part.body, label %step.next
part.body:
  %p.next = add i64 %p, 1
  store i64 -1, ptr %mark.at
  %offset = mul i64 %p, {fields}
  %part = getelementptr i64, ptr %parts, i64 %offset
  br i1 %is.alone, label %alone, label %shared
alone:
  %total = call i64 @word(ptr %part, i64 2)
  %is.some = icmp sgt i64 %total, 0
  br i1 %is.some, label %whole, label %part.next
whole:
  %function = call ptr @address(ptr %part, i64 0)
  %at = call i64 @word(ptr %part, i64 1)
  %arguments = getelementptr i64, ptr %table, i64 %at
  call void %function(ptr %arguments, ptr %own, i64 0, i64 %total)
  br label %part.next
shared:
  %first = call i64 @word(ptr %part, i64 4)
  %after = call i64 @word(ptr %part, i64 5)
  %ago = call i64 @word(ptr %part, i64 6)
  %when = sub i64 %number, %ago
  call void @until(ptr %plan, ptr %parts, i64 %first, i64 %after, i64 %when)
  call void @share(ptr %plan, i64 %p, ptr %part, i64 %thread, i64 %threads, i64 %number, ptr %table, ptr %own)
  br label %part.next
part.next:
  br label %part.head
step.next:
  br label %step.head
end:
  ret void
}}
"""
