// Threads of a CUDA block on a CPU: contexts with stacks of their own, which a scheduler changes between.
#include <cstdint>
#include <cstdlib>
#include <ucontext.h>

#if defined(__x86_64__)
// The registers that a function must leave as they are go on its stack: swapcontext asks the kernel too, 50 times slower.
struct Context { void *stack; };
extern "C" void cuda_on_cpu_switch(Context *from, Context *to) __attribute__((visibility("hidden")));
asm(R"(
.text
cuda_on_cpu_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq (%rsi), %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
)");
static inline void change(Context &from, Context &to) { cuda_on_cpu_switch(&from, &to); }
static inline void begin(Context &context, char *stack, size_t size, void (*body)()) {
    uintptr_t top = ((uintptr_t)stack + size) & ~(uintptr_t)15;
    void **at = (void **)top;
    *--at = nullptr;
    *--at = (void *)body;
    for (int i = 0; i < 6; i++) *--at = nullptr;
    context.stack = at;
}
#else
typedef ucontext_t Context;
static inline void change(Context &from, Context &to) { swapcontext(&from, &to); }
static inline void begin(Context &context, char *stack, size_t size, void (*body)()) {
    getcontext(&context);
    context.uc_stack.ss_sp = stack;
    context.uc_stack.ss_size = size;
    makecontext(&context, body, 0);
}
#endif
