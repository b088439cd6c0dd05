select
    order_id,
    location_id,
    customer_id,
    subtotal_cents,
    tax_paid_cents,
    order_total_cents,
    subtotal,
    tax_paid,
    order_total,
    ordered_at
from stg_orders
where ordered_at >= $since
