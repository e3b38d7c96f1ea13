; score: exp(z) - y*z
; inputs y, z; parameters none; outputs value, gradient, hessian
; 4 rows at a time, double in memory

%reals = type <4 x double>
%bits = type <4 x i64>
%truths = type <4 x i1>
%stored = type <4 x double>
%results = type { %reals, %reals, %reals }

define private %results @formula(%reals %y, %reals %z) alwaysinline {
  ; v0 = exp(z)
  %exp.1 = fcmp ogt %reals %z, splat (double 710.0)
  %exp.2 = fcmp olt %reals %z, splat (double -746.0)
  %exp.3 = select %truths %exp.2, %reals splat (double -746.0), %reals %z
  %exp.4 = select %truths %exp.1, %reals splat (double 710.0), %reals %exp.3
  %reduced.1 = call %reals @llvm.fma.v4f64(%reals %exp.4, %reals splat (double 1.4426950408889634), %reals splat (double 6755399441055744.0))
  %reduced.2 = fsub %reals %reduced.1, splat (double 6755399441055744.0)
  %reduced.3 = call %reals @llvm.fma.v4f64(%reals %reduced.2, %reals splat (double -0.6931471805599453), %reals %exp.4)
  %reduced.4 = call %reals @llvm.fma.v4f64(%reals %reduced.2, %reals splat (double -2.3190468138462996e-17), %reals %reduced.3)
  %expm1_reduced.1 = fmul %reals %reduced.4, %reduced.4
  %polynomial.exp.1 = call %reals @llvm.fma.v4f64(%reals %reduced.4, %reals splat (double 0.16666666666666669), %reals splat (double 0.5000000000000001))
  %polynomial.exp.2 = call %reals @llvm.fma.v4f64(%reals %reduced.4, %reals splat (double 0.008333333333330039), %reals splat (double 0.041666666666623824))
  %polynomial.exp.3 = call %reals @llvm.fma.v4f64(%reals %reduced.4, %reals splat (double 0.00019841269863171557), %reals splat (double 0.0013888888917367081))
  %polynomial.exp.4 = call %reals @llvm.fma.v4f64(%reals %reduced.4, %reals splat (double 2.7557268276905696e-06), %reals splat (double 2.4801521057868204e-05))
  %polynomial.exp.5 = call %reals @llvm.fma.v4f64(%reals %reduced.4, %reals splat (double 2.5100472505694996e-08), %reals splat (double 2.7620201591031547e-07))
  %polynomial.exp.6 = call %reals @llvm.fma.v4f64(%reals %expm1_reduced.1, %reals %polynomial.exp.2, %reals %polynomial.exp.1)
  %polynomial.exp.7 = call %reals @llvm.fma.v4f64(%reals %expm1_reduced.1, %reals %polynomial.exp.4, %reals %polynomial.exp.3)
  %polynomial.exp.8 = fmul %reals %expm1_reduced.1, %expm1_reduced.1
  %polynomial.exp.9 = call %reals @llvm.fma.v4f64(%reals %polynomial.exp.8, %reals %polynomial.exp.7, %reals %polynomial.exp.6)
  %polynomial.exp.10 = fmul %reals %polynomial.exp.8, %polynomial.exp.8
  %polynomial.exp.11 = call %reals @llvm.fma.v4f64(%reals %polynomial.exp.10, %reals %polynomial.exp.5, %reals %polynomial.exp.9)
  %expm1_reduced.2 = call %reals @llvm.fma.v4f64(%reals %expm1_reduced.1, %reals %polynomial.exp.11, %reals %reduced.4)
  %exp.5 = fadd %reals %expm1_reduced.2, splat (double 1.0)
  %scaled.1 = call %reals @llvm.fma.v4f64(%reals %reduced.2, %reals splat (double 0.5), %reals splat (double 6755399441055744.0))
  %scaled.2 = fsub %reals %scaled.1, splat (double 6755399441055744.0)
  %scaled.3 = fsub %reals %reduced.2, %scaled.2
  %scaled.4 = fadd %reals %scaled.3, splat (double 6755399441055744.0)
  %power_of_two.1 = bitcast %reals %scaled.1 to %bits
  %power_of_two.2 = shl %bits %power_of_two.1, splat (i64 52)
  %power_of_two.3 = add %bits %power_of_two.2, splat (i64 4607182418800017408)
  %power_of_two.4 = bitcast %bits %power_of_two.3 to %reals
  %scaled.5 = fmul %reals %exp.5, %power_of_two.4
  %power_of_two.5 = bitcast %reals %scaled.4 to %bits
  %power_of_two.6 = shl %bits %power_of_two.5, splat (i64 52)
  %power_of_two.7 = add %bits %power_of_two.6, splat (i64 4607182418800017408)
  %power_of_two.8 = bitcast %bits %power_of_two.7 to %reals
  %v0 = fmul %reals %scaled.5, %power_of_two.8
  ; v1 = mul(y, z)
  %v1 = fmul %reals %y, %z
  ; v2_raw = sub(v0, v1)
  %v2_raw = fsub %reals %v0, %v1
  ; v1_rest = left_mul(y, z, v1)
  %v1_rest.1 = fneg %reals %v1
  %v1_rest = call %reals @llvm.fma.v4f64(%reals %y, %reals %z, %reals %v1_rest.1)
  ; v2_rest = neg(v1_rest)
  %v2_rest = fneg %reals %v1_rest
  ; v2 = mend(v2_raw, v2_rest)
  %v2.1 = call %reals @llvm.fabs.v4f64(%reals %v1_rest)
  %v2.2 = fcmp olt %reals %v2.1, splat (double 0x7FF0000000000000)
  %v2.3 = select %truths %v2.2, %reals %v2_rest, %reals splat (double 0.0)
  %v2 = fadd %reals %v2_raw, %v2.3
  ; v3 = sub(v0, y)
  %v3 = fsub %reals %v0, %y
  %give.0 = insertvalue %results poison, %reals %v2, 0  ; value
  %give.1 = insertvalue %results %give.0, %reals %v3, 1  ; gradient
  %give.2 = insertvalue %results %give.1, %reals %v0, 2  ; hessian
  ret %results %give.2
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
  %results.whole = call %results @formula(%reals %y.whole, %reals %z.whole)
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
  %results.tail = call %results @formula(%reals %y.tail, %reals %z.tail)
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
  %results.whole = call %results @formula(%reals %y.whole, %reals %z.whole)
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
  br label %rows.loop
rows.rest:
  fence seq_cst
  call void @kernel(i64 %rows.at, i64 %rows.to, ptr %all.arrays, ptr %all.params)
  ret void
}
!0 = !{i32 1}

declare %reals @llvm.fma.v4f64(%reals, %reals, %reals)
declare %reals @llvm.fabs.v4f64(%reals)
declare %stored @llvm.masked.load.v4f64.p0(ptr, %truths, %stored)
declare void @llvm.masked.store.v4f64.p0(%stored, ptr, %truths)
