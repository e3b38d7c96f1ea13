; residual: where(abs(r) <= delta, r**2/2, delta*(abs(r) - delta/2))
; inputs y, z; parameters delta; outputs value, gradient, hessian, majorant
; 4 rows at a time, double in memory

%reals = type <4 x double>
%bits = type <4 x i64>
%truths = type <4 x i1>
%stored = type <4 x double>
%results = type { %reals, %reals, %reals, %reals }

define private %results @formula(%reals %y, %reals %z, %reals %delta, %reals %v6) alwaysinline {
  ; r = sub(y, z)
  %r = fsub %reals %y, %z
  ; v1 = abs(r)
  %v1 = call %reals @llvm.fabs.v4f64(%reals %r)
  ; v2 = le(v1, delta)
  %v2 = fcmp ole %reals %v1, %delta
  ; v3 = eq(r, r)
  %v3 = fcmp oeq %reals %r, %r
  ; v4 = mul(0.5, r)
  %v4 = fmul %reals splat (double 0.5), %r
  ; v5 = mul(v4, r)
  %v5 = fmul %reals %v4, %r
  ; v6 = mul(0.5, delta)
  ; v7 = sub(v1, v6)
  %v7 = fsub %reals %v1, %v6
  ; v8 = mul(delta, v7)
  %v8 = fmul %reals %delta, %v7
  ; v9 = where(v2, v5, v8)
  %v9 = select %truths %v2, %reals %v5, %reals %v8
  ; v10 = sign(r)
  %v10.1 = fcmp ogt %reals %r, splat (double 0.0)
  %v10.2 = fcmp olt %reals %r, splat (double 0.0)
  %v10.3 = select %truths %v10.2, %reals splat (double -1.0), %reals %r
  %v10 = select %truths %v10.1, %reals splat (double 1.0), %reals %v10.3
  ; v11 = mul(delta, v10)
  %v11 = fmul %reals %delta, %v10
  ; v12 = where(v2, r, v11)
  %v12 = select %truths %v2, %reals %r, %reals %v11
  ; v13 = neg(v12)
  %v13 = fneg %reals %v12
  ; v14 = where(v2, 1.0, 0.0)
  %v14 = select %truths %v2, %reals splat (double 1.0), %reals splat (double 0.0)
  ; v15 = where(v3, v14, r)
  %v15 = select %truths %v3, %reals %v14, %reals %r
  ; v16 = div(delta, v1)
  %v16 = fdiv %reals %delta, %v1
  ; v17 = where(v2, 1.0, v16)
  %v17 = select %truths %v2, %reals splat (double 1.0), %reals %v16
  ; v18 = where(v3, v17, r)
  %v18 = select %truths %v3, %reals %v17, %reals %r
  %give.0 = insertvalue %results poison, %reals %v9, 0  ; value
  %give.1 = insertvalue %results %give.0, %reals %v13, 1  ; gradient
  %give.2 = insertvalue %results %give.1, %reals %v15, 2  ; hessian
  %give.3 = insertvalue %results %give.2, %reals %v18, 3  ; majorant
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
  %delta.slot = getelementptr double, ptr %all.params, i64 0
  %delta.one = load double, ptr %delta.slot
  %delta.lane = insertelement %reals poison, double %delta.one, i64 0
  %delta = shufflevector %reals %delta.lane, %reals poison, <4 x i32> zeroinitializer
  %v6 = fmul %reals splat (double 0.5), %delta
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
  %results.whole = call %results @formula(%reals %y.whole, %reals %z.whole, %reals %delta, %reals %v6)
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
  %results.tail = call %results @formula(%reals %y.tail, %reals %z.tail, %reals %delta, %reals %v6)
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
  %delta.slot = getelementptr double, ptr %all.params, i64 0
  %delta.one = load double, ptr %delta.slot
  %delta.lane = insertelement %reals poison, double %delta.one, i64 0
  %delta = shufflevector %reals %delta.lane, %reals poison, <4 x i32> zeroinitializer
  %v6 = fmul %reals splat (double 0.5), %delta
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
  %results.whole = call %results @formula(%reals %y.whole, %reals %z.whole, %reals %delta, %reals %v6)
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

declare %reals @llvm.fabs.v4f64(%reals)
declare %stored @llvm.masked.load.v4f64.p0(ptr, %truths, %stored)
declare void @llvm.masked.store.v4f64.p0(%stored, ptr, %truths)
