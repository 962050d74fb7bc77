/* Calls a signature of a saved model through TensorFlow's C API, with one serialised tf.Example from standard input.
 *
 *     call_signature MODEL INPUT_OPERATION OUTPUT_OPERATION OUTPUT_INDEX
 *
 * It prints the float32 values of the output, one a line. The exit code is 1 after an error, whose message it prints.
 */

#include <stdio.h>
#include <stdlib.h>

#include "tensorflow/c/c_api.h"

static char example[1 << 16];

static void no_release(void* data, size_t length, void* argument) {}

static void require(const TF_Status* status) {
  if (TF_GetCode(status) != TF_OK) {
    fprintf(stderr, "%s\n", TF_Message(status));
    exit(1);
  }
}

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  size_t length = fread(example, 1, sizeof(example), stdin);
  TF_Status* status = TF_NewStatus();
  TF_Graph* graph = TF_NewGraph();
  TF_SessionOptions* options = TF_NewSessionOptions();
  const char* tags[] = {"serve"};
  TF_Session* session = TF_LoadSessionFromSavedModel(options, NULL, argv[1], tags, 1, graph, NULL, status);
  require(status);

  TF_TString text;
  TF_TString_Init(&text);
  TF_TString_Copy(&text, example, length);
  int64_t shape[] = {1};
  TF_Tensor* request = TF_NewTensor(TF_STRING, shape, 1, &text, sizeof(text), no_release, NULL);
  TF_Output input = {TF_GraphOperationByName(graph, argv[2]), 0};
  TF_Output output = {TF_GraphOperationByName(graph, argv[3]), atoi(argv[4])};
  if (input.oper == NULL || output.oper == NULL) return 3;
  TF_Tensor* answer = NULL;
  TF_SessionRun(session, NULL, &input, &request, 1, &output, &answer, 1, NULL, 0, NULL, status);
  require(status);

  const float* values = TF_TensorData(answer);
  for (size_t index = 0; index < TF_TensorByteSize(answer) / sizeof(float); ++index) printf("%.9g\n", values[index]);
  return 0;
}
