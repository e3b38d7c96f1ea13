; residual: tau*max(r, 0) - (1 - tau)*min(r, 0)
; inputs y, z; parameters tau; outputs value, gradient, hessian, majorant
; 4 rows at a time, double in memory

%reals = type <4 x double>
%bits = type <4 x i64>
%truths = type <4 x i1>
%stored = type <4 x double>
%results = type { %reals, %reals, %reals, %reals }

define private %results @formula(%reals %y, %reals %z, %reals %tau, %reals %v1, %reals %v1_rest5) alwaysinline {
  ; r = sub(y, z)
  %r = fsub %reals %y, %z
  ; v1 = sub(1.0, tau)
  ; v2 = max(r, 0.0)
  %v2 = call %reals @llvm.maximum.v4f64(%reals %r, %reals splat (double 0.0))
  ; v3 = mul(tau, v2)
  %v3 = fmul %reals %tau, %v2
  ; v4 = min(r, 0.0)
  %v4 = call %reals @llvm.minimum.v4f64(%reals %r, %reals splat (double 0.0))
  ; v5 = mul(v1, v4)
  %v5 = fmul %reals %v1, %v4
  ; v6_raw = sub(v3, v5)
  %v6_raw = fsub %reals %v3, %v5
  ; v3_rest = left_mul(tau, v2, v3)
  %v3_rest.1 = fneg %reals %v3
  %v3_rest = call %reals @llvm.fma.v4f64(%reals %tau, %reals %v2, %reals %v3_rest.1)
  ; v1_rest = sub(1.0, v1)
  ; v1_rest2 = add(v1, v1_rest)
  ; v1_rest3 = sub(1.0, v1_rest2)
  ; v1_rest4 = sub(tau, v1_rest)
  ; v1_rest5 = sub(v1_rest3, v1_rest4)
  ; v5_rest = mul(v1_rest5, v4)
  %v5_rest = fmul %reals %v1_rest5, %v4
  ; v5_rest2 = left_mul(v1, v4, v5)
  %v5_rest2.1 = fneg %reals %v5
  %v5_rest2 = call %reals @llvm.fma.v4f64(%reals %v1, %reals %v4, %reals %v5_rest2.1)
  ; v5_rest3 = add(v5_rest2, v5_rest)
  %v5_rest3 = fadd %reals %v5_rest2, %v5_rest
  ; v6_rest = sub(v3_rest, v5_rest3)
  %v6_rest = fsub %reals %v3_rest, %v5_rest3
  ; v6 = mend(v6_raw, v6_rest)
  %v6.1 = call %reals @llvm.fabs.v4f64(%reals %v6_rest)
  %v6.2 = fcmp olt %reals %v6.1, splat (double 0x7FF0000000000000)
  %v6.3 = select %truths %v6.2, %reals %v6_rest, %reals splat (double 0.0)
  %v6 = fadd %reals %v6_raw, %v6.3
  ; v7 = sign(r)
  %v7.1 = fcmp ogt %reals %r, splat (double 0.0)
  %v7.2 = fcmp olt %reals %r, splat (double 0.0)
  %v7.3 = select %truths %v7.2, %reals splat (double -1.0), %reals %r
  %v7 = select %truths %v7.1, %reals splat (double 1.0), %reals %v7.3
  ; v8 = mul(0.5, v7)
  %v8 = fmul %reals splat (double 0.5), %v7
  ; v9 = sub(0.5, v8)
  %v9 = fsub %reals splat (double 0.5), %v8
  ; v10 = mul(v1, v9)
  %v10 = fmul %reals %v1, %v9
  ; v11 = add(0.5, v8)
  %v11 = fadd %reals splat (double 0.5), %v8
  ; v12 = mul(tau, v11)
  %v12 = fmul %reals %tau, %v11
  ; v13_raw = sub(v10, v12)
  %v13_raw = fsub %reals %v10, %v12
  ; v10_rest = mul(v1_rest5, v9)
  %v10_rest = fmul %reals %v1_rest5, %v9
  ; v9_rest = sub(0.5, v9)
  %v9_rest = fsub %reals splat (double 0.5), %v9
  ; v9_rest2 = add(v9, v9_rest)
  %v9_rest2 = fadd %reals %v9, %v9_rest
  ; v9_rest3 = sub(0.5, v9_rest2)
  %v9_rest3 = fsub %reals splat (double 0.5), %v9_rest2
  ; v9_rest4 = sub(v8, v9_rest)
  %v9_rest4 = fsub %reals %v8, %v9_rest
  ; v9_rest5 = sub(v9_rest3, v9_rest4)
  %v9_rest5 = fsub %reals %v9_rest3, %v9_rest4
  ; v10_rest2 = mul(v9_rest5, v1)
  %v10_rest2 = fmul %reals %v9_rest5, %v1
  ; v10_rest3 = add(v10_rest, v10_rest2)
  %v10_rest3 = fadd %reals %v10_rest, %v10_rest2
  ; v10_rest4 = left_mul(v1, v9, v10)
  %v10_rest4.1 = fneg %reals %v10
  %v10_rest4 = call %reals @llvm.fma.v4f64(%reals %v1, %reals %v9, %reals %v10_rest4.1)
  ; v10_rest5 = add(v10_rest4, v10_rest3)
  %v10_rest5 = fadd %reals %v10_rest4, %v10_rest3
  ; v11_rest = sub(v11, 0.5)
  %v11_rest = fsub %reals %v11, splat (double 0.5)
  ; v11_rest2 = sub(v11, v11_rest)
  %v11_rest2 = fsub %reals %v11, %v11_rest
  ; v11_rest3 = sub(0.5, v11_rest2)
  %v11_rest3 = fsub %reals splat (double 0.5), %v11_rest2
  ; v11_rest4 = sub(v8, v11_rest)
  %v11_rest4 = fsub %reals %v8, %v11_rest
  ; v11_rest5 = add(v11_rest3, v11_rest4)
  %v11_rest5 = fadd %reals %v11_rest3, %v11_rest4
  ; v12_rest = mul(v11_rest5, tau)
  %v12_rest = fmul %reals %v11_rest5, %tau
  ; v12_rest2 = left_mul(tau, v11, v12)
  %v12_rest2.1 = fneg %reals %v12
  %v12_rest2 = call %reals @llvm.fma.v4f64(%reals %tau, %reals %v11, %reals %v12_rest2.1)
  ; v12_rest3 = add(v12_rest2, v12_rest)
  %v12_rest3 = fadd %reals %v12_rest2, %v12_rest
  ; v13_rest = sub(v10_rest5, v12_rest3)
  %v13_rest = fsub %reals %v10_rest5, %v12_rest3
  ; v13 = mend(v13_raw, v13_rest)
  %v13.1 = call %reals @llvm.fabs.v4f64(%reals %v13_rest)
  %v13.2 = fcmp olt %reals %v13.1, splat (double 0x7FF0000000000000)
  %v13.3 = select %truths %v13.2, %reals %v13_rest, %reals splat (double 0.0)
  %v13 = fadd %reals %v13_raw, %v13.3
  ; v14 = abs(r)
  %v14 = call %reals @llvm.fabs.v4f64(%reals %r)
  ; v15 = div(0.5, v14)
  %v15 = fdiv %reals splat (double 0.5), %v14
  ; v6_rest2 = sub(v3, v6_raw)
  %v6_rest2 = fsub %reals %v3, %v6_raw
  ; v6_rest3 = add(v6_raw, v6_rest2)
  %v6_rest3 = fadd %reals %v6_raw, %v6_rest2
  ; v6_rest4 = sub(v3, v6_rest3)
  %v6_rest4 = fsub %reals %v3, %v6_rest3
  ; v6_rest5 = sub(v5, v6_rest2)
  %v6_rest5 = fsub %reals %v5, %v6_rest2
  ; v6_rest6 = sub(v6_rest4, v6_rest5)
  %v6_rest6 = fsub %reals %v6_rest4, %v6_rest5
  ; v6_rest7 = sub(v6_raw, v6)
  %v6_rest7 = fsub %reals %v6_raw, %v6
  ; v6_rest8 = add(v6_rest7, v6_rest)
  %v6_rest8 = fadd %reals %v6_rest7, %v6_rest
  ; v6_rest9 = add(v6_rest8, v6_rest6)
  %v6_rest9 = fadd %reals %v6_rest8, %v6_rest6
  ; v6_whole = mend(v6, v6_rest9)
  %v6_whole.1 = call %reals @llvm.fabs.v4f64(%reals %v6_rest9)
  %v6_whole.2 = fcmp olt %reals %v6_whole.1, splat (double 0x7FF0000000000000)
  %v6_whole.3 = select %truths %v6_whole.2, %reals %v6_rest9, %reals splat (double 0.0)
  %v6_whole = fadd %reals %v6, %v6_whole.3
  ; v13_rest2 = sub(v10, v13_raw)
  %v13_rest2 = fsub %reals %v10, %v13_raw
  ; v13_rest3 = add(v13_raw, v13_rest2)
  %v13_rest3 = fadd %reals %v13_raw, %v13_rest2
  ; v13_rest4 = sub(v10, v13_rest3)
  %v13_rest4 = fsub %reals %v10, %v13_rest3
  ; v13_rest5 = sub(v12, v13_rest2)
  %v13_rest5 = fsub %reals %v12, %v13_rest2
  ; v13_rest6 = sub(v13_rest4, v13_rest5)
  %v13_rest6 = fsub %reals %v13_rest4, %v13_rest5
  ; v13_rest7 = sub(v13_raw, v13)
  %v13_rest7 = fsub %reals %v13_raw, %v13
  ; v13_rest8 = add(v13_rest7, v13_rest)
  %v13_rest8 = fadd %reals %v13_rest7, %v13_rest
  ; v13_rest9 = add(v13_rest8, v13_rest6)
  %v13_rest9 = fadd %reals %v13_rest8, %v13_rest6
  ; v13_whole = mend(v13, v13_rest9)
  %v13_whole.1 = call %reals @llvm.fabs.v4f64(%reals %v13_rest9)
  %v13_whole.2 = fcmp olt %reals %v13_whole.1, splat (double 0x7FF0000000000000)
  %v13_whole.3 = select %truths %v13_whole.2, %reals %v13_rest9, %reals splat (double 0.0)
  %v13_whole = fadd %reals %v13, %v13_whole.3
  %give.0 = insertvalue %results poison, %reals %v6_whole, 0  ; value
  %give.1 = insertvalue %results %give.0, %reals %v13_whole, 1  ; gradient
  %give.2 = insertvalue %results %give.1, %reals splat (double 0.0), 2  ; hessian
  %give.3 = insertvalue %results %give.2, %reals %v15, 3  ; majorant
  ret %results %give.3
}

define void @kernel(i64 %rows.from, i64 %rows.to, ptr %all.arrays, ptr %all.params) {
rows.entry:
  %y.slot = getelementptr ptr, ptr %all.arrays, i64 0
  %y.base = load ptr, ptr %y.slot
  %z.slot = getelementptr ptr, ptr %all.arrays, i64 1
  %z.base = load ptr, ptr %z.slot
  %out.value.slot = getelementptr ptr, ptr %all.arrays, i64 2
  %out.value.base = load ptr, ptr %out.value.slot
  %out.gradient.slot = getelementptr ptr, ptr %all.arrays, i64 3
  %out.gradient.base = load ptr, ptr %out.gradient.slot
  %out.hessian.slot = getelementptr ptr, ptr %all.arrays, i64 4
  %out.hessian.base = load ptr, ptr %out.hessian.slot
  %out.majorant.slot = getelementptr ptr, ptr %all.arrays, i64 5
  %out.majorant.base = load ptr, ptr %out.majorant.slot
  %tau.slot = getelementptr double, ptr %all.params, i64 0
  %tau.one = load double, ptr %tau.slot
  %tau.lane = insertelement %reals poison, double %tau.one, i64 0
  %tau = shufflevector %reals %tau.lane, %reals poison, <4 x i32> zeroinitializer
  %v1 = fsub %reals splat (double 1.0), %tau
  %v1_rest = fsub %reals splat (double 1.0), %v1
  %v1_rest2 = fadd %reals %v1, %v1_rest
  %v1_rest3 = fsub %reals splat (double 1.0), %v1_rest2
  %v1_rest4 = fsub %reals %tau, %v1_rest
  %v1_rest5 = fsub %reals %v1_rest3, %v1_rest4
  br label %rows.loop
rows.loop:
  %rows.at = phi i64 [ %rows.from, %rows.entry ], [ %rows.next, %rows.whole ]
  %rows.next = add i64 %rows.at, 4
  %rows.fit = icmp sle i64 %rows.next, %rows.to
  br i1 %rows.fit, label %rows.whole, label %rows.rest
rows.whole:
  %y.at.whole = getelementptr double, ptr %y.base, i64 %rows.at
  %y.whole.stored = load %stored, ptr %y.at.whole, align 8
  %y.whole = bitcast %stored %y.whole.stored to %reals
  %z.at.whole = getelementptr double, ptr %z.base, i64 %rows.at
  %z.whole.stored = load %stored, ptr %z.at.whole, align 8
  %z.whole = bitcast %stored %z.whole.stored to %reals
  %results.whole = call %results @formula(%reals %y.whole, %reals %z.whole, %reals %tau, %reals %v1, %reals %v1_rest5)
  %out.value.whole = extractvalue %results %results.whole, 0
  %out.value.whole.stored = bitcast %reals %out.value.whole to %stored
  %out.value.at.whole = getelementptr double, ptr %out.value.base, i64 %rows.at
  store %stored %out.value.whole.stored, ptr %out.value.at.whole, align 8
  %out.gradient.whole = extractvalue %results %results.whole, 1
  %out.gradient.whole.stored = bitcast %reals %out.gradient.whole to %stored
  %out.gradient.at.whole = getelementptr double, ptr %out.gradient.base, i64 %rows.at
  store %stored %out.gradient.whole.stored, ptr %out.gradient.at.whole, align 8
  %out.hessian.whole = extractvalue %results %results.whole, 2
  %out.hessian.whole.stored = bitcast %reals %out.hessian.whole to %stored
  %out.hessian.at.whole = getelementptr double, ptr %out.hessian.base, i64 %rows.at
  store %stored %out.hessian.whole.stored, ptr %out.hessian.at.whole, align 8
  %out.majorant.whole = extractvalue %results %results.whole, 3
  %out.majorant.whole.stored = bitcast %reals %out.majorant.whole to %stored
  %out.majorant.at.whole = getelementptr double, ptr %out.majorant.base, i64 %rows.at
  store %stored %out.majorant.whole.stored, ptr %out.majorant.at.whole, align 8
  br label %rows.loop
rows.rest:
  %rows.left = sub i64 %rows.to, %rows.at
  %rows.some = icmp sgt i64 %rows.left, 0
  br i1 %rows.some, label %rows.tail, label %rows.done
rows.tail:
  %left.lane = insertelement %bits poison, i64 %rows.left, i64 0
  %left.all = shufflevector <4 x i64> %left.lane, <4 x i64> poison, <4 x i32> zeroinitializer
  %rows.mask = icmp slt %bits <i64 0, i64 1, i64 2, i64 3>, %left.all
  %y.at.tail = getelementptr double, ptr %y.base, i64 %rows.at
  %y.tail.stored = call %stored @llvm.masked.load.v4f64.p0(ptr align 8 %y.at.tail, %truths %rows.mask, %stored zeroinitializer)
  %y.tail = bitcast %stored %y.tail.stored to %reals
  %z.at.tail = getelementptr double, ptr %z.base, i64 %rows.at
  %z.tail.stored = call %stored @llvm.masked.load.v4f64.p0(ptr align 8 %z.at.tail, %truths %rows.mask, %stored zeroinitializer)
  %z.tail = bitcast %stored %z.tail.stored to %reals
  %results.tail = call %results @formula(%reals %y.tail, %reals %z.tail, %reals %tau, %reals %v1, %reals %v1_rest5)
  %out.value.tail = extractvalue %results %results.tail, 0
  %out.value.tail.stored = bitcast %reals %out.value.tail to %stored
  %out.value.at.tail = getelementptr double, ptr %out.value.base, i64 %rows.at
  call void @llvm.masked.store.v4f64.p0(%stored %out.value.tail.stored, ptr align 8 %out.value.at.tail, %truths %rows.mask)
  %out.gradient.tail = extractvalue %results %results.tail, 1
  %out.gradient.tail.stored = bitcast %reals %out.gradient.tail to %stored
  %out.gradient.at.tail = getelementptr double, ptr %out.gradient.base, i64 %rows.at
  call void @llvm.masked.store.v4f64.p0(%stored %out.gradient.tail.stored, ptr align 8 %out.gradient.at.tail, %truths %rows.mask)
  %out.hessian.tail = extractvalue %results %results.tail, 2
  %out.hessian.tail.stored = bitcast %reals %out.hessian.tail to %stored
  %out.hessian.at.tail = getelementptr double, ptr %out.hessian.base, i64 %rows.at
  call void @llvm.masked.store.v4f64.p0(%stored %out.hessian.tail.stored, ptr align 8 %out.hessian.at.tail, %truths %rows.mask)
  %out.majorant.tail = extractvalue %results %results.tail, 3
  %out.majorant.tail.stored = bitcast %reals %out.majorant.tail to %stored
  %out.majorant.at.tail = getelementptr double, ptr %out.majorant.base, i64 %rows.at
  call void @llvm.masked.store.v4f64.p0(%stored %out.majorant.tail.stored, ptr align 8 %out.majorant.at.tail, %truths %rows.mask)
  br label %rows.done
rows.done:
  ret void
}

define void @stream(i64 %rows.from, i64 %rows.to, ptr %all.arrays, ptr %all.params) {
rows.entry:
  %y.slot = getelementptr ptr, ptr %all.arrays, i64 0
  %y.base = load ptr, ptr %y.slot
  %z.slot = getelementptr ptr, ptr %all.arrays, i64 1
  %z.base = load ptr, ptr %z.slot
  %out.value.slot = getelementptr ptr, ptr %all.arrays, i64 2
  %out.value.base = load ptr, ptr %out.value.slot
  %out.gradient.slot = getelementptr ptr, ptr %all.arrays, i64 3
  %out.gradient.base = load ptr, ptr %out.gradient.slot
  %out.hessian.slot = getelementptr ptr, ptr %all.arrays, i64 4
  %out.hessian.base = load ptr, ptr %out.hessian.slot
  %out.majorant.slot = getelementptr ptr, ptr %all.arrays, i64 5
  %out.majorant.base = load ptr, ptr %out.majorant.slot
  %tau.slot = getelementptr double, ptr %all.params, i64 0
  %tau.one = load double, ptr %tau.slot
  %tau.lane = insertelement %reals poison, double %tau.one, i64 0
  %tau = shufflevector %reals %tau.lane, %reals poison, <4 x i32> zeroinitializer
  %v1 = fsub %reals splat (double 1.0), %tau
  %v1_rest = fsub %reals splat (double 1.0), %v1
  %v1_rest2 = fadd %reals %v1, %v1_rest
  %v1_rest3 = fsub %reals splat (double 1.0), %v1_rest2
  %v1_rest4 = fsub %reals %tau, %v1_rest
  %v1_rest5 = fsub %reals %v1_rest3, %v1_rest4
  br label %rows.loop
rows.loop:
  %rows.at = phi i64 [ %rows.from, %rows.entry ], [ %rows.next, %rows.whole ]
  %rows.next = add i64 %rows.at, 4
  %rows.fit = icmp sle i64 %rows.next, %rows.to
  br i1 %rows.fit, label %rows.whole, label %rows.rest
rows.whole:
  %y.at.whole = getelementptr double, ptr %y.base, i64 %rows.at
  %y.whole.stored = load %stored, ptr %y.at.whole, align 8
  %y.whole = bitcast %stored %y.whole.stored to %reals
  %z.at.whole = getelementptr double, ptr %z.base, i64 %rows.at
  %z.whole.stored = load %stored, ptr %z.at.whole, align 8
  %z.whole = bitcast %stored %z.whole.stored to %reals
  %results.whole = call %results @formula(%reals %y.whole, %reals %z.whole, %reals %tau, %reals %v1, %reals %v1_rest5)
  %out.value.whole = extractvalue %results %results.whole, 0
  %out.value.whole.stored = bitcast %reals %out.value.whole to %stored
  %out.value.at.whole = getelementptr double, ptr %out.value.base, i64 %rows.at
  store %stored %out.value.whole.stored, ptr %out.value.at.whole, align 32, !nontemporal !0
  %out.gradient.whole = extractvalue %results %results.whole, 1
  %out.gradient.whole.stored = bitcast %reals %out.gradient.whole to %stored
  %out.gradient.at.whole = getelementptr double, ptr %out.gradient.base, i64 %rows.at
  store %stored %out.gradient.whole.stored, ptr %out.gradient.at.whole, align 32, !nontemporal !0
  %out.hessian.whole = extractvalue %results %results.whole, 2
  %out.hessian.whole.stored = bitcast %reals %out.hessian.whole to %stored
  %out.hessian.at.whole = getelementptr double, ptr %out.hessian.base, i64 %rows.at
  store %stored %out.hessian.whole.stored, ptr %out.hessian.at.whole, align 32, !nontemporal !0
  %out.majorant.whole = extractvalue %results %results.whole, 3
  %out.majorant.whole.stored = bitcast %reals %out.majorant.whole to %stored
  %out.majorant.at.whole = getelementptr double, ptr %out.majorant.base, i64 %rows.at
  store %stored %out.majorant.whole.stored, ptr %out.majorant.at.whole, align 32, !nontemporal !0
  br label %rows.loop
rows.rest:
  fence seq_cst
  call void @kernel(i64 %rows.at, i64 %rows.to, ptr %all.arrays, ptr %all.params)
  ret void
}
!0 = !{i32 1}

declare %reals @llvm.maximum.v4f64(%reals, %reals)
declare %reals @llvm.minimum.v4f64(%reals, %reals)
declare %reals @llvm.fma.v4f64(%reals, %reals, %reals)
declare %reals @llvm.fabs.v4f64(%reals)
declare %stored @llvm.masked.load.v4f64.p0(ptr, %truths, %stored)
declare void @llvm.masked.store.v4f64.p0(%stored, ptr, %truths)
