with lifetime as (
    select
        customer_id,
        count(*) as count_lifetime_orders,
        min(ordered_at) as first_ordered_at,
        max(ordered_at) as last_ordered_at,
        sum(subtotal)::decimal(18, 2) as lifetime_spend_pretax,
        sum(tax_paid)::decimal(18, 2) as lifetime_tax_paid,
        sum(order_total)::decimal(18, 2) as lifetime_spend
    from orders
    group by customer_id
)

select
    stg_customers.customer_id,
    stg_customers.customer_name,
    lifetime.count_lifetime_orders,
    lifetime.first_ordered_at,
    lifetime.last_ordered_at,
    lifetime.lifetime_spend_pretax,
    lifetime.lifetime_tax_paid,
    lifetime.lifetime_spend,
    case when lifetime.count_lifetime_orders > 1 then 'returning' else 'new' end as customer_type
from stg_customers
left join lifetime on lifetime.customer_id = stg_customers.customer_id
