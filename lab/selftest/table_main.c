#include <stdio.h>
#include <string.h>
#include "engine.h"
#include "rows.h"
#include <inttypes.h>
int main(int argc,char**argv){
 static struct lab_result a,b; static struct toy toy;
 for(unsigned i=0;i<row_count;i++){ const struct row*r=&rows[i];
  if(argc>1&&strcmp(argv[1],r->name))continue;
  r->build(&toy,r->n,r->k,r->m); struct lab_program p=toy_program(&toy);
  struct lab_options o={.mode=LAB_SLEEP}; toy_forget();
  lab_explore(&p,&o,&a); uint64_t badt=toy_bad_runs; double sec=a.seconds;
  printf("%-26s traces %"PRIu64" (%"PRIu64") blocked %"PRIu64" dl %"PRIu64" bad %"PRIu64"(%"PRIu64") %.3fs %.0f/s ",r->name,a.complete,r->traces,a.blocked,a.deadlocks,badt,r->bad_traces,sec,(double)a.executions/sec);
  if(r->interleavings){ o=(struct lab_options){.mode=LAB_BOUND,.bound=LAB_NO_BOUND}; toy_forget(); lab_explore(&p,&o,&b);
   printf("int %"PRIu64" (%"PRIu64") tr %"PRIu64" dl %"PRIu64"(%"PRIu64") bad %"PRIu64" least %d ",b.complete,r->interleavings,b.traces,b.deadlocks,r->deadlocks,toy_bad_runs,(int)toy_bad_least);
   uint64_t c=0; int ok=1; for(int k=0;k<ROW_BOUNDS;k++){c+=b.by_bound[k]; if(r->by_bound[k]&&r->by_bound[k]!=c){ok=0;printf(" k%d=%"PRIu64,k,c);} }
   c=0; for(int k=0;k<ROW_BOUNDS;k++){c+=b.traces_by_bound[k]; if(r->traces_by_bound[k]&&r->traces_by_bound[k]!=c){ok=0;printf(" tk%d=%"PRIu64,k,c);} }
   printf("%s %s", ok?"":"BOUNDS", b.complete==r->interleavings?"":"INTERL");
  }
  printf("%s%s\n",a.complete==r->traces?"":" TRACES",(badt!=r->bad_traces)?" BAD":"");
 }
}
