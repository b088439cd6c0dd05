-- Times 0.01, an exact decimal: a division by 100 would go through a double.
select
    id as order_id,
    store_id as location_id,
    customer as customer_id,
    subtotal as subtotal_cents,
    tax_paid as tax_paid_cents,
    order_total as order_total_cents,
    (subtotal * 0.01)::decimal(16, 2) as subtotal,
    (tax_paid * 0.01)::decimal(16, 2) as tax_paid,
    (order_total * 0.01)::decimal(16, 2) as order_total,
    ordered_at::date as ordered_at
from raw_orders
