package Mail::Wire::Sink::Web;

# The page of a sink, and its API, by Mojolicious, which is loaded when it is needed. It runs in the process that has the sinks.

use strict;
use warnings;

use Mail::Wire::Sink::View ();

our $VERSION = '1.000';

# Octets of a request; seconds that a client may wait for messages; seconds between two events, and between two signs of life.
use constant { MAX_REQUEST => 2_000_000, MAX_WAIT => 600, EVENT_PAUSE => 0.2, ALIVE => 15, PATIENCE => 0.5 };

my %FILE = ('' => [ 'index.html', 'text/html' ], 'page.css' => [ 'page.css', 'text/css' ], 'page.js' => [ 'page.js', 'text/javascript' ]);

my $PAGE_POLICY = q(default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; frame-src 'self'; )
    . q(base-uri 'none'; form-action 'none'; frame-ancestors 'none');
my $HTML_POLICY = q(sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; )
    . q(frame-ancestors 'self');
my $API_POLICY = q(sandbox; default-src 'none'; frame-ancestors 'none');

# Where a page of somebody else, whose name leads here (DNS rebinding), would have another name. Addresses have none.
my $ADDRESS = qr/\A(?:localhost|[0-9]+(?:\.[0-9]+){3}|\[[0-9A-Fa-f:.]+\])\z/;

# True, else $@ says what to install.
sub is_there {
    local $ENV{MOJO_REACTOR} = 'Mojo::Reactor::Poll';    # signals end its waits
    return Mail::Wire::Sink::View::is_there() if eval { require Mojolicious; require Mojo::Server::Daemon; require Mojo::JSON; 1 };
    $@ = 'needs the module Mojolicious (Debian: libmojolicious-perl)';
    return 0;
}

# owner: who has the sinks: shelf, sinks, take, look, is_over, rules_text, set_rules. place: HOST:PORT, PORT or ''. Dies where it can't listen.
sub new {
    my ($class, %arg) = @_;
    my ($host, $port) = _place($arg{place});
    my $self = bless { owner => $arg{owner}, host => $host, streams => {}, waiting => {}, file => {} }, $class;
    $self->{file}{$_} = _page($FILE{$_}[0]) foreach keys %FILE;
    $self->{daemon} = Mojo::Server::Daemon->new(app => $self->_app, listen => ["http://$host:$port"], silent => 1);
    $self->{daemon}->max_requests(1000)->start;
    $self->{port} = $self->{daemon}->ports->[0];
    return $self;
}

sub _place {
    my ($place) = @_;
    my ($host, $port) = $place =~ /\A(?:(\[[0-9A-Fa-f:.]+\]|[^:\/\s\[\]]+):(?=[0-9]))?([0-9]*)\z/ or die "give PORT or HOST:PORT\n";
    die "a port is a number up to 65535\n" if length $port > 5 or ($port ||= 0) > 65_535;
    return (defined $host ? $host : '127.0.0.1', $port);
}

sub _page {
    my ($name) = @_;
    (my $path = __FILE__) =~ s{Web\.pm\z}{page/$name};
    open my $in, '<:raw', $path or die "$path: $!\n";
    local $/;
    return scalar <$in>;
}

sub url { my ($self) = @_; return "http://$self->{host}:$self->{port}/" }

# Until the owner says that it is over. What dies here ends it.
sub run {
    my ($self) = @_;
    my $loop = Mojo::IOLoop->singleton;
    my $look = sub { $self->_guarded(sub { $self->{owner}->look }) };
    $loop->reactor->io($_->handle => $look)->watch($_->handle, 1, 0) foreach $self->{owner}->sinks;
    $loop->recurring(PATIENCE, $look);
    $loop->recurring(ALIVE, sub { $_->write(":\n\n") foreach values %{ $self->{streams} } });
    $look->();
    $loop->start if !$self->{failure} && !$self->{owner}->is_over;
    die $self->{failure} if $self->{failure};
    return;
}

sub _guarded {
    my ($self, $code) = @_;
    my $is_well = eval { $code->(); 1 };
    $self->{failure} = $@ || 'died' if !$is_well;
    Mojo::IOLoop->stop if !$is_well || $self->{owner}->is_over;
    return $is_well;
}

# ---------------------------------------------------------------- requests

sub _app {
    my ($self) = @_;
    my $app = Mojolicious->new(mode => 'production');
    $app->log->level('fatal');
    $app->max_request_size(MAX_REQUEST);
    foreach my $finder ($app->static, $app->renderer) { $finder->paths([])->classes([]) }
    $app->hook(before_dispatch => sub { $self->_guard($_[0]) });
    $app->helper('reply.exception' => sub { _error($_[0], 500, 'a mistake in this program') });
    $app->helper('reply.not_found' => sub { _error($_[0], 404, 'there is no such thing') });
    my $route = $app->routes;
    foreach my $name (keys %FILE) { $route->get("/$name" => sub { $self->_file($_[0], $name) }) }
    $self->_api($route->any('/api'));
    return $app;
}

sub _api {
    my ($self, $api) = @_;
    $api->get('/' => sub { $_[0]->render(json => $self->_about) });
    $api->get('/messages' => sub { $self->_list($_[0]) });
    $api->delete('/messages' => sub { $self->_clear($_[0]) });
    $api->get('/wait' => sub { $self->_wait($_[0]) });
    $api->get('/events' => sub { $self->_events($_[0]) });
    $api->get('/rules' => sub { $_[0]->render(json => { text => $self->_rules_text }) });
    $api->put('/rules' => sub { $self->_set_rules($_[0]) });
    my %of_message = (
        '' => sub { $_[0]->render(json => Mail::Wire::Sink::View::details($_[1])) },
        '/source' => \&_source, '/html' => \&_html, '/parts/<part:num>' => \&_part,
    );
    foreach my $what (keys %of_message) { $api->get("/messages/<id:num>$what" => sub { $self->_of_message($_[0], $of_message{$what}) }) }
    $api->delete('/messages/<id:num>' => sub { $self->_of_message($_[0], sub { $self->_remove($_[0]) }) });
    return;
}

# Pages of others may neither ask for anything here nor show it.
sub _guard {
    my ($self, $c) = @_;
    my $header = $c->res->headers;
    $header->header(@$_) foreach [ 'X-Content-Type-Options' => 'nosniff' ], [ 'Referrer-Policy' => 'no-referrer' ],
        [ 'X-DNS-Prefetch-Control' => 'off' ], [ 'Cross-Origin-Resource-Policy' => 'same-origin' ],
        [ 'Cross-Origin-Opener-Policy' => 'same-origin' ], [ 'Cache-Control' => 'no-store' ], [ 'Content-Security-Policy' => $API_POLICY ];
    my $wrong = $self->_foreign($c->req);
    return _error($c, 403, $wrong) if $wrong;
    return _error($c, 413, 'more than ' . MAX_REQUEST . ' octets') if $c->req->is_limit_exceeded;
    return;
}

# What is wrong with where a request comes from, '' if nothing.
sub _foreign {
    my ($self, $request) = @_;
    my $given = $request->headers->host;
    my ($host) = defined $given ? $given =~ /\A(\[[^\]]*\]|[^:]*)(?::[0-9]+)?\z/ : ();
    return 'asked for by a name that is not this server\'s: use its address' if !defined $host || $host !~ $ADDRESS && lc $host ne lc $self->{host};
    my $origin = $request->headers->origin;
    return 'asked for by a page of another site' if defined $origin && lc $origin ne lc "http://$given";
    my $site = $request->headers->header('Sec-Fetch-Site');
    my $is_page = $request->method eq 'GET' && $request->url->path->to_string eq '/';
    return 'asked for by a page of another site' if defined $site && $site !~ /\A(?:same-origin|none)\z/ && !$is_page;
    return '';
}

sub _error {
    my ($c, $status, $text) = @_;
    return $c->render(json => { error => $text }, status => $status);
}

sub _file {
    my ($self, $c, $name) = @_;
    $c->res->headers->header('Content-Security-Policy' => $PAGE_POLICY);
    $c->res->headers->content_type("$FILE{$name}[1]; charset=utf-8");
    return $c->render(data => $self->{file}{$name});
}

# ---------------------------------------------------------------- messages

# Those whose replies have been sent are there, also when nobody has looked since.
sub _shelf {
    my ($self) = @_;
    $self->_guarded(sub { $self->{owner}->take });
    return $self->{owner}->shelf;
}

sub _about {
    my ($self) = @_;
    my $shelf = $self->_shelf;
    return {
        total => $shelf->total, dropped => $shelf->dropped, version => $VERSION,
        servers => [ map { { url => $_->url, protocol => $_->protocol, ca_file => scalar $_->ca_file } } $self->{owner}->sinks ],
    };
}

# The last ones of those that were asked for, from the oldest to the newest.
sub _list {
    my ($self, $c) = @_;
    my %asked = map { $_ => $c->param($_) } qw(search before after limit);
    foreach my $name (grep { length $asked{$_} } qw(before after limit)) {
        return _error($c, 400, "$name must be a number") if $asked{$name} !~ /\A[0-9]{1,15}\z/;
    }
    my $shelf = $self->_shelf;
    my @found = _found($shelf, \%asked);
    my $more  = length $asked{limit} && @found > $asked{limit} ? @found - $asked{limit} : 0;
    splice @found, 0, $more;
    return $c->render(json => {
        messages => [ map { Mail::Wire::Sink::View::summary($_) } @found ], more => $more,
        total => $shelf->total, dropped => $shelf->dropped, cleared => $shelf->cleared,
    });
}

sub _found {
    my ($shelf, $asked) = @_;
    my ($search, $before, $after) = @{$asked}{qw(search before after)};
    return grep {
               (!length $before || $_->{id} < $before)
            && (!length $after  || $_->{id} > $after)
            && (!length $search || Mail::Wire::Sink::View::matches($_, $search))
    } $shelf->messages;
}

sub _of_message {
    my ($self, $c, $code) = @_;
    my $message = $self->_shelf->get($c->stash('id'));
    return $message ? $code->($c, $message) : _error($c, 404, 'there is no such message, or no more');
}

sub _source {
    my ($c, $message) = @_;
    my $header = $c->res->headers;
    $header->content_type('text/plain');
    $header->content_disposition(qq(attachment; filename="message-$message->{id}.eml")) if $c->param('download');
    return $c->render(data => $message->{data});
}

sub _html {
    my ($c, $message) = @_;
    my $html = Mail::Wire::Sink::View::html($message);
    return _error($c, 404, 'no part of this message is HTML') if !defined $html;
    utf8::encode($html);
    $c->res->headers->header('Content-Security-Policy' => $HTML_POLICY);
    $c->res->headers->content_type('text/html; charset=utf-8');
    return $c->render(data => $html);
}

sub _part {
    my ($c, $message) = @_;
    my ($name, $type, $octets) = Mail::Wire::Sink::View::part($message, $c->stash('part')) or return _error($c, 404, 'there is no such part');
    $name =~ s/[^A-Za-z0-9_.-]+/_/g;
    $name = 'part-' . $c->stash('part') if $name !~ /\A[A-Za-z0-9_-]/;
    $c->res->headers->content_type($type);
    $c->res->headers->content_disposition(($type =~ /\Aimage/ && !$c->param('download') ? 'inline' : 'attachment') . qq(; filename="$name"));
    return $c->render(data => $octets);
}

sub _remove {
    my ($self, $c) = @_;
    $self->{owner}->shelf->remove($c->stash('id'));
    return $self->_done($c);
}

sub _clear {
    my ($self, $c) = @_;
    $self->_shelf->clear;
    return $self->_done($c);
}

sub _done {
    my ($self, $c) = @_;
    $self->changed;
    return $c->rendered(204);
}

# ---------------------------------------------------------------- rules

sub _rules_text {
    my ($self) = @_;
    my $text = $self->{owner}->rules_text;
    utf8::decode($text);
    return $text;
}

sub _set_rules {
    my ($self, $c) = @_;
    my $wrong = 'a mistake in this program';
    my $text = $c->req->body;
    $self->_guarded(sub { $wrong = $self->{owner}->set_rules($text) });
    utf8::decode($wrong);
    return $wrong ? _error($c, 422, $wrong) : $self->_done($c);
}

# ---------------------------------------------------------------- waiting for messages

# Something has come, gone or been set.
sub changed {
    my ($self) = @_;
    $_->() foreach values %{ $self->{waiting} };
    $self->{timer} ||= Mojo::IOLoop->timer(EVENT_PAUSE, sub { $self->_tell });
    return;
}

# A client that doesn't read has one event waiting for it, not all.
sub _tell {
    my ($self) = @_;
    delete $self->{timer};
    foreach my $key (keys %{ $self->{streams} }) {
        my $stream = $self->{streams}{$key};
        if ($self->{busy}{$key}) { $self->{late}{$key} = 1; next }
        $self->{busy}{$key} = 1;
        $stream->write("event: changed\ndata: {}\n\n", sub {
            delete $self->{busy}{$key};
            $self->changed if delete $self->{late}{$key};
        });
    }
    return;
}

sub _events {
    my ($self, $c) = @_;
    $c->res->headers->content_type('text/event-stream');
    $c->inactivity_timeout(ALIVE * 4);
    my $key = "$c";
    $self->{streams}{$key} = $c;
    $c->on(finish => sub { delete $self->{$_}{$key} foreach qw(streams busy late) });
    return $c->write("event: changed\ndata: {}\n\n");
}

# As _list, as soon as there are so many.
sub _wait {
    my ($self, $c) = @_;
    my ($count, $seconds, $search) = map { $c->param($_) } qw(count seconds search);
    $count   = 1  if !defined $count;
    $seconds = 10 if !defined $seconds;
    return _error($c, 400, 'count must be a number of messages') if $count !~ /\A[0-9]{1,9}\z/;
    return _error($c, 400, 'seconds must be a number, ' . MAX_WAIT . ' at the most')
        if $seconds !~ /\A[0-9]{1,3}(?:\.[0-9]+)?\z/ || $seconds > MAX_WAIT;
    my $shelf = $self->_shelf;
    my $found = sub { length $search ? scalar(my @found = _found($shelf, { search => $search })) : $shelf->total };
    return $self->_list($c) if $found->() >= $count;
    return $self->_wait_more($c, $seconds, sub { $found->() >= $count }, sub { 'only ' . $found->() . " of $count messages have come" });
}

sub _wait_more {
    my ($self, $c, $seconds, $is_there, $what_is) = @_;
    my $key = "$c";
    my $end = sub {
        my ($code) = @_;
        my $timer = delete $self->{timers}{$key} or return;
        delete $self->{waiting}{$key};
        Mojo::IOLoop->remove($timer);
        $code->();
    };
    $c->render_later->inactivity_timeout($seconds + ALIVE);
    $self->{waiting}{$key} = sub { $end->(sub { $self->_list($c) }) if $is_there->() };
    $self->{timers}{$key} = Mojo::IOLoop->timer($seconds, sub { $end->(sub { _error($c, 504, $what_is->()) }) });
    $c->on(finish => sub { $end->(sub { }) });
    return;
}

1;
