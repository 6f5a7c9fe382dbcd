// A driver that shows two GPUs of compute capability 7.5, which multiply float32 as it is.
#include <stdlib.h>

int cuInit(unsigned flags) { return 0; }
int cuDriverGetVersion(int *version) { *version = 13020; return 0; }
int cuDeviceGetCount(int *count) {
    const char *gpus = getenv("XPNET_STAND_IN_GPUS");
    *count = gpus ? atoi(gpus) : 2;
    return 0;
}
int cuDeviceGet(int *device, int number) { *device = number; return 0; }
int cuDeviceGetAttribute(int *value, int attribute, int device) { *value = attribute == 75 ? 7 : 5; return 0; }
