#include "engine/server_inquiry.h"
